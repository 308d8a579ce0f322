// Go's flag syntax, as a table.

import ArgumentParser
import Testing

@testable import node_local_dns

@Suite struct GoFlagsTests {
    static let flags = GoFlags(booleans: ["quiet", "setupinterface"], values: ["localip", "p", "dns.port"])

    @Test(arguments: [
        // What is written; what is understood; what is left over.
        (["-localip", "192.0.2.1"], ["-localip=192.0.2.1"], []),
        (["--localip", "192.0.2.1"], ["-localip=192.0.2.1"], []),
        (["-localip=192.0.2.1"], ["-localip=192.0.2.1"], []),
        (["-localip="], ["-localip="], []),
        (["-localip", "-p"], ["-localip=-p"], []),
        (["-dns.port", "5353", "-p=54"], ["-dns.port=5353", "-p=54"], []),
        (["-quiet"], ["-quiet=true"], []),
        (["--quiet=F"], ["-quiet=false"], []),
        (["-quiet=1", "-setupinterface=FALSE"], ["-quiet=true", "-setupinterface=false"], []),
        // A bare Boolean takes no word, so the word ends the flags.
        (["-quiet", "false", "-p", "54"], ["-quiet=true"], ["false", "-p", "54"]),
        (["-p", "54", "--", "-quiet"], ["-p=54"], ["-quiet"]),
        (["-p", "54", "-"], ["-p=54"], ["-"]),
        (["-h"], ["--help"], []),
        (["-help"], ["--help"], []),
        ([], [], []),
    ])
    func understands(written: [String], words: [String], rest: [String]) throws {
        let (gotWords, gotRest) = try Self.flags.normalized(written)
        #expect(gotWords == words)
        #expect(gotRest == rest)
    }

    @Test(arguments: [
        (["-nosuch"], "flag provided but not defined: -nosuch"),
        (["--nosuch=1"], "flag provided but not defined: -nosuch"),
        (["-localip"], "flag needs an argument: -localip"),
        (["---p"], "bad flag syntax: ---p"),
        (["-=p"], "bad flag syntax: -=p"),
        (["-quiet=maybe"], "invalid boolean value \"maybe\" for -quiet: parse error"),
        (["-quiet="], "invalid boolean value \"\" for -quiet: parse error"),
    ])
    func refuses(written: [String], message: String) {
        let error = #expect(throws: GoFlagError.self) { try Self.flags.normalized(written) }
        #expect(error?.description == message)
    }

    @Test func knowsEveryDeclaredFlagAndNoOther() {
        let help = NodeLocalDNS.helpMessage(includeHidden: true)
        for name in NodeLocalDNS.flags.booleans {
            #expect(help.contains("-\(name) <bool>") || name == "tls-enabled")
        }
        for name in NodeLocalDNS.flags.values {
            let value = NodeLocalDNS.flags.booleans.contains(name) ? "true" : "1"
            #expect(throws: Never.self) { _ = try NodeLocalDNS.parse(["-\(name)=\(value)"]) }
        }
        for name in NodeLocalDNS.flags.booleans {
            #expect(throws: Never.self) { _ = try NodeLocalDNS.parse(["-\(name)=true"]) }
        }
    }
}
