"""Writes what an image holds as an SPDX 2.3 document: the program, the Swift packages in it, Debian's libraries.

Deterministic: the same files at the same commit give the same octets.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


def run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def swift_packages() -> Iterator[dict]:
    """Those that the build resolved; their sources are compiled into the program."""
    for pin in sorted(json.loads(Path("Package.resolved").read_text())["pins"], key=lambda pin: pin["identity"]):
        yield package(
            pin["identity"],
            pin["state"]["version"],
            pin["location"].removesuffix(".git"),
            f"pkg:swift/{pin['location'].removeprefix('https://').removesuffix('.git')}@{pin['state']['version']}",
        )
    version = Path(".swift-version").read_text().strip()
    yield package("swift-runtime", version, "https://www.swift.org", f"pkg:generic/swift@{version}")


def debian_packages(root: Path) -> Iterator[dict]:
    """Those whose libraries were copied."""
    # By name: a package's list says /lib where the merged file system says /usr/lib.
    libraries = {f"*/{Path('/', path.relative_to(root)).resolve().name}" for path in root.rglob("*.so*")}
    owners = {line.split(":")[0] for line in run("dpkg-query", "-S", *sorted(libraries)).splitlines()}
    for name in sorted(owners | {"ca-certificates"}):
        version = run("dpkg-query", "-W", "-f", "${Version}", name)
        yield package(name, version, f"https://packages.debian.org/{name}", f"pkg:deb/debian/{name}@{version}")


def package(name: str, version: str, location: str, purl: str, licence: str = "NOASSERTION") -> dict:
    return {
        "SPDXID": "SPDXRef-" + name.replace("+", "-plus").replace("_", "-"),
        "name": name,
        "versionInfo": version,
        "downloadLocation": location,
        "filesAnalyzed": False,
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    for word in ("name", "version", "revision", "created", "root"):
        parser.add_argument(f"--{word}", required=True)
    wanted = parser.parse_args()
    program = package(
        wanted.name,
        wanted.version,
        "NOASSERTION",
        f"pkg:generic/{wanted.name}@{wanted.version}?vcs_revision={wanted.revision}",
        "Apache-2.0",
    )
    digest = hashlib.sha256((Path(wanted.root) / wanted.name).read_bytes()).hexdigest()
    program["checksums"] = [{"algorithm": "SHA256", "checksumValue": digest}]
    others = [*swift_packages(), *debian_packages(Path(wanted.root))]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{wanted.name}-{wanted.version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/{wanted.name}-{wanted.version}-{digest}",
        "creationInfo": {
            "created": datetime.fromtimestamp(int(wanted.created), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Tool: {wanted.name}-image"],
        },
        "packages": [program, *others],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": program["SPDXID"],
            },
            *(
                {
                    "spdxElementId": program["SPDXID"],
                    "relationshipType": "DEPENDS_ON",
                    "relatedSpdxElement": other["SPDXID"],
                }
                for other in others
            ),
        ],
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
