// What this build is: shown by `version`, the start line and `coredns_build_info`.

/// The version of both processes.
package enum BuildVersion {
    package static let number = "0.1.0"

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
