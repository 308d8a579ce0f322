# shellcheck shell=bash
# Debian packages: installs what is missing, starts none of it.

# install_debian_packages PACKAGE…: does nothing, quickly, when all of them are there. Needs root.
# A subshell, so that its trap ends with it.
install_debian_packages() (
    missing=()
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "Debian packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Servers among them must not start as services of this machine: we want the programs only.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    apt-get update -q
    apt-get install -q -y --no-install-recommends "${missing[@]}"
)
