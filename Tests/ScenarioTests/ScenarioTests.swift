import TestSupport
import Testing

/// Behaviours as scripts: one file each, which says what it shows.
@Suite struct ScenarioTests {
    @Test(arguments: FixtureFiles.all(in: "scenarios", endingIn: "scn"))
    func scenario(_ file: FixtureFiles.File) {
        let performance = Performance()
        performance.perform(Script(file.text))
        #expect(
            performance.complaints.isEmpty,
            "\(file.name): \(performance.complaints.joined(separator: "; "))"
        )
    }
}
