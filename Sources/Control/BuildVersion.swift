// What this build is: shown by `version`, the start line and `coredns_build_info`.

import CBuild

/// The version of both processes.
package enum BuildVersion {
    // SAFETY: literals of C, which end with a zero and live as long as the process.
    package static let number = unsafe String(cString: cbuild_version())

    /// The commit; empty where the build was not told.
    package static let revision = unsafe String(cString: cbuild_revision())

    #if arch(x86_64)
        package static let platform = "linux/amd64"
    #elseif arch(arm64)
        package static let platform = "linux/arm64"
    #else
        package static let platform = "linux"
    #endif

    /// What stands where CoreDNS names its Go.
    #if compiler(>=6.4)
        package static let compiler = "swift6.4+"
    #else
        package static let compiler = "swift6.3"
    #endif
}
