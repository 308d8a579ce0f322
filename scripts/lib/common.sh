# shellcheck shell=bash
# Sourced by every script: strict mode, the repository as working directory, and how they speak.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

repository=$PWD
venv=$repository/.build/venv
export PATH=$venv/bin:$PATH:/usr/sbin:/sbin

# say WORDS: one line about what happens now.
say() {
    printf '%s\n' "$*"
}

# fail WORDS: says why, and ends the script.
fail() {
    printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" -eq 0 ] || fail "needs root: it makes network namespaces and installs Debian packages"
}

# strip_program FROM TO: the program without what it runs without, and with zeros for the compiler's own hashes, which it
# does not write the same way twice. They keep their place: a program that loses what is loaded loses RELRO with it.
strip_program() {
    local hashes
    objcopy --strip-all "$1" "$2"
    # Not `grep -q`: it would end before readelf does, which counts as a failure here.
    readelf --sections --wide "$2" | grep -F .swift_modhash >/dev/null || return 0
    hashes=$(mktemp)
    objcopy --dump-section ".swift_modhash=$hashes" "$2"
    truncate --size "$(stat -c %s "$hashes")" "$hashes.zeros"
    objcopy --update-section ".swift_modhash=$hashes.zeros" "$2"
    rm "$hashes" "$hashes.zeros"
}

# release_binary: builds what users run; its path is in $binary afterwards.
release_binary() {
    local options=(-c release --static-swift-stdlib --product node-local-dns)
    # Wherever it is built, it holds the same paths.
    local map=$repository=.
    options+=(-Xcc "-ffile-prefix-map=$map" -Xcxx "-ffile-prefix-map=$map")
    options+=(-Xswiftc -file-prefix-map -Xswiftc "$map")
    # Tables of functions are filled in at the start and read-only from then on: nothing that runs can bend them.
    options+=(-Xlinker -z -Xlinker now)
    # An id of all octets, those included that differ from build to build.
    options+=(-Xlinker --build-id=none)
    # `|| return`: who calls this in a condition has switched `set -e` off.
    swift build "${options[@]}" --explicit-target-dependency-import-check error || return
    binary=$(swift build "${options[@]}" --show-bin-path)/node-local-dns || return
    [ -x "$binary" ] || fail "no $binary after the build"
}
