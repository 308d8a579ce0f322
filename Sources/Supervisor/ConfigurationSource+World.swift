// What a configuration may depend on, read from this node: files, environment, interfaces.

package import Corefile
import Glibc
import Kernel
import Upstream

extension ConfigurationSource {
    /// Files, environment and interfaces of this node. Our own interface counts before it exists.
    var sources: Sources {
        let (ownInterface, ownAddresses) = (options.interfaceName, options.localAddresses)
        return Sources(
            read: { (path) throws(SourceError) in try Self.text(of: path) },
            glob: Self.matches,
            environment: environment,
            interfaceAddresses: { $0 == ownInterface ? ownAddresses : Interfaces.addresses(of: $0) },
            localAddresses: ownAddresses,
            flaw: Self.flaw
        )
    }

    /// Judges the files of `tls` as the worker will.
    private static func flaw(of tls: ForwardConfiguration.TLS) -> TLSFlaw? {
        let texts = TLSCredentials.Texts(
            certificate: tls.certificate,
            key: tls.key,
            authorities: tls.authorities
        )
        do throws(TLSCredentials.Flaw) {
            _ = try TLSCredentials(texts)
            return nil
        } catch {
            return switch error.part {
            case .certificate: TLSFlaw(.certificate, error.reason)
            case .key: TLSFlaw(.key, error.reason)
            case .authorities: TLSFlaw(.authorities, error.reason)
            }
        }
    }

    /// The files of one directory that match a pattern in their last component.
    package static func matches(_ pattern: String) -> [String] {
        let directory = Self.directory(of: pattern)
        let prefix =
            pattern.contains("/")
            ? String(pattern[...(pattern.lastIndex(of: "/") ?? pattern.startIndex)]) : ""
        let names = (try? list(directory)) ?? []
        // SAFETY: fnmatch only reads its two texts, during the call.
        return names.map { prefix + $0 }.filter { unsafe fnmatch(pattern, $0, FNM_PATHNAME) == 0 }
    }

    /// Reads a file as the Corefile module wants it.
    package static func text(of path: String) throws(SourceError) -> String {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(path)
        } catch {
            throw sourceError(for: error)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .unreadable("it is not UTF-8 text")
        }
        return text
    }

    static func list(_ directory: String) throws(SourceError) -> [String] {
        do throws(SystemError) {
            return try Files.list(directory)
        } catch {
            throw sourceError(for: error)
        }
    }

    private static func sourceError(for error: SystemError) -> SourceError {
        switch error.errno {
        case ENOENT: .notFound
        case EISDIR: .isDirectory
        default: .unreadable(SystemError.text(of: error.errno))
        }
    }

    static func words(for error: SourceError) -> String {
        switch error {
        case .notFound: "no such file or directory"
        case .isDirectory: "it is a directory"
        case .unreadable(let reason): reason
        }
    }
}
