// The language of Fixtures/scenarios/*.scn. A step begins in the first column; what it needs follows on the
// same line, and below it, indented. Empty lines and lines that begin with a number sign are for the reader.
//
//     corefile                       the Corefile; a second one is a reload
//     file PATH                      what a file holds that the following Corefiles name
//     ask NAME TYPE [CH] [tcp] [edns SIZE] [do] [ad] [cd] [nord]
//     packet [tcp]                   a message in the words of `hex`, below
//     upstream expects NAME TYPE [tcp|udp] [at SERVER] [do] [plain] [cd]     and below, what it replies, if it does
//     upstream silent                nobody was asked, or everything was answered
//     upstream sends                 octets, below; `id` and `question` are the oldest question's
//     upstream drops                 the connection with the oldest question ends
//     upstream refuses SERVER        connections are refused from now on
//     upstream hangs SERVER          connections to it are never opened
//     answer CODE [FLAGS | -] [ede N] [size N] [because TEXT]    the next reply, and below, its records
//     reply                          the next reply in the words of `hex`, below
//     answer nothing                 no reply has come
//     elapse 12s | 500ms
//     log LINE                       the next line that was logged
//     log nothing
//     tap EVENT NAME TYPE [CODE after TIME] [udp|tcp] from CLIENT [to SERVER]      the next copy for `dnstap`
//     tap nothing
//     metric SERIES VALUE            as a scrape shows it

/// A scenario that was read.
struct Script {
    let steps: [Step]

    /// One step with its lines.
    struct Step {
        let line: Int
        let words: [String]
        let body: [String]

        /// The first line behind its first word.
        var rest: String { words.dropFirst().joined(separator: " ") }
    }

    init(_ text: String) {
        var steps: [Step] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var number = 0
        while number < lines.count {
            let line = lines[number]
            number += 1
            guard let first = line.first, first != "#" else { continue }
            precondition(first != " ", "line \(number): indented, but below nothing")
            let start = number
            while number < lines.count, lines[number].isEmpty || lines[number].first == " " { number += 1 }
            let words = line.split(separator: " ").map(String.init)
            let body = lines[start..<number].filter { !$0.isEmpty }
            steps.append(Step(line: start, words: words, body: body))
        }
        self.steps = steps
    }
}
