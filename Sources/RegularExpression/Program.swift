// A pattern as instructions for `Matcher`.

/// What a pattern compiles to; execution begins at 0.
struct Program: Sendable {
    enum Instruction: Sendable {
        /// Takes one scalar of the set, then goes on behind.
        case set(ScalarSet)
        /// Goes on behind if it holds here.
        case assertion(Assertion)
        /// Notes where we are.
        case save(Int)
        case jump(Int)
        /// Goes both ways, the first is preferred.
        case split(Int, Int)
        case match
    }

    var instructions: [Instruction] = []
    let groupNames: [String?]
}

/// Writes programs.
enum Compiler {
    /// Counted repetitions are written out; this bounds what `((a{1000}){1000})` may cost.
    static let maximumSize = 20_000

    static func program(
        for node: Node,
        groups: [String?]
    ) throws(RegularExpression.Flaw) -> Program {
        var program = Program(groupNames: groups)
        program.instructions.append(.save(0))
        guard emit(node, &program) else {
            throw RegularExpression.Flaw(problem: "expression too large", fragment: "")
        }
        program.instructions += [.save(1), .match]
        return program
    }

    /// False when the program grows too large.
    private static func emit(_ node: Node, _ program: inout Program) -> Bool {
        guard program.instructions.count < maximumSize else { return false }
        switch node {
        case .empty: return true
        case .set(let set): program.instructions.append(.set(set))
        case .assertion(let assertion): program.instructions.append(.assertion(assertion))
        case .sequence(let nodes):
            for node in nodes where !emit(node, &program) { return false }
        case .group(let body, let number):
            program.instructions.append(.save(2 * number))
            guard emit(body, &program) else { return false }
            program.instructions.append(.save(2 * number + 1))
        case .choice(let branches): return emitChoice(branches, &program)
        case .repeat(let body, let least, let most, let isGreedy):
            for _ in 0..<(most == nil ? max(0, least - 1) : least) {
                let before = program.instructions.count
                guard emit(body, &program) else { return false }
                if program.instructions.count == before { break }
            }
            if let most { return emitOptional(body, most - least, isGreedy, &program) }
            return least == 0
                ? emitStar(body, isGreedy, &program) : emitPlus(body, isGreedy, &program)
        }
        return true
    }

    private static func emitChoice(_ branches: [Node], _ program: inout Program) -> Bool {
        var ends: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index < branches.count - 1 else {
                guard emit(branch, &program) else { return false }
                break
            }
            let split = program.instructions.count
            program.instructions.append(.match)
            guard emit(branch, &program) else { return false }
            ends.append(program.instructions.count)
            program.instructions.append(.match)
            program.instructions[split] = .split(split + 1, program.instructions.count)
        }
        for end in ends { program.instructions[end] = .jump(program.instructions.count) }
        return true
    }

    /// `(body(body(…)?)?)?`, `count` times.
    private static func emitOptional(
        _ body: Node,
        _ count: Int,
        _ isGreedy: Bool,
        _ program: inout Program
    ) -> Bool {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(program.instructions.count)
            program.instructions.append(.match)
            guard emit(body, &program) else { return false }
        }
        let end = program.instructions.count
        for split in splits {
            program.instructions[split] = isGreedy ? .split(split + 1, end) : .split(end, split + 1)
        }
        return true
    }

    private static func emitPlus(_ body: Node, _ isGreedy: Bool, _ program: inout Program) -> Bool {
        let start = program.instructions.count
        guard emit(body, &program) else { return false }
        let end = program.instructions.count + 1
        program.instructions.append(isGreedy ? .split(start, end) : .split(end, start))
        return true
    }

    /// As an optional plus, so that a body that takes nothing is still gone through once, as in Go.
    private static func emitStar(_ body: Node, _ isGreedy: Bool, _ program: inout Program) -> Bool {
        let split = program.instructions.count
        program.instructions.append(.match)
        guard emitPlus(body, isGreedy, &program) else { return false }
        let end = program.instructions.count
        program.instructions[split] = isGreedy ? .split(split + 1, end) : .split(end, split + 1)
        return true
    }
}
