// Runs a program on a text: all ways through the pattern advance together, one scalar at a time, at most one
// for each instruction. Time is instructions times scalars, whatever the pattern.

/// One search.
struct Matcher {
    /// A way through the pattern, with the places of the groups it has passed.
    private struct Way {
        let instruction: Int
        let places: [Int]
    }

    private let program: Program
    private let text: [Unicode.Scalar]

    init(_ program: Program, _ text: [Unicode.Scalar]) {
        self.program = program
        self.text = text
    }

    /// The places of the whole match and its groups, two per group, -1 where a group took no part.
    func run() -> [Int]? {
        var ways: [Way] = []
        var found: [Int]?
        let none = [Int](repeating: -1, count: 2 * program.groupNames.count)
        /// For each instruction the last place in the text at which some way stood on it.
        var seen = [Int](repeating: -1, count: program.instructions.count)
        for at in 0...text.count {
            // A match that begins later is worth less than any that began before.
            if found == nil { follow(0, at, none, &ways, &seen) }
            var next: [Way] = []
            steps: for way in ways {
                switch program.instructions[way.instruction] {
                case .match:
                    found = way.places
                    // Ways behind this one are worth less.
                    break steps
                case .set(let set) where at < text.count && set.contains(text[at].value):
                    follow(way.instruction + 1, at + 1, way.places, &next, &seen)
                case .set, .assertion, .save, .jump, .split: continue
                }
            }
            if next.isEmpty, found != nil { break }
            ways = next
        }
        return found
    }

    /// Adds the instructions that take text, reached from `instruction` without taking any. The stack is
    /// explicit: a pattern must not be able to exhaust the thread's.
    private func follow(
        _ instruction: Int,
        _ at: Int,
        _ places: [Int],
        _ ways: inout [Way],
        _ seen: inout [Int]
    ) {
        var waiting = [Way(instruction: instruction, places: places)]
        while let way = waiting.popLast() {
            guard seen[way.instruction] != at else { continue }
            seen[way.instruction] = at
            switch program.instructions[way.instruction] {
            case .jump(let target):
                waiting.append(Way(instruction: target, places: way.places))
            case .split(let first, let second):
                waiting.append(Way(instruction: second, places: way.places))
                waiting.append(Way(instruction: first, places: way.places))
            case .save(let slot):
                var noted = way.places
                noted[slot] = at
                waiting.append(Way(instruction: way.instruction + 1, places: noted))
            case .assertion(let assertion):
                guard holds(assertion, at) else { continue }
                waiting.append(Way(instruction: way.instruction + 1, places: way.places))
            case .set, .match: ways.append(way)
            }
        }
    }

    private func holds(_ assertion: Assertion, _ at: Int) -> Bool {
        switch assertion {
        case .startOfText: at == 0
        case .endOfText: at == text.count
        case .startOfLine: at == 0 || text[at - 1] == "\n"
        case .endOfLine: at == text.count || text[at] == "\n"
        case .wordBoundary: isWord(at - 1) != isWord(at)
        case .noWordBoundary: isWord(at - 1) == isWord(at)
        }
    }

    private func isWord(_ index: Int) -> Bool {
        text.indices.contains(index) && ScalarSet.words.contains(text[index].value)
    }
}
