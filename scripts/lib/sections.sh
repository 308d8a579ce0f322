# shellcheck shell=bash
# Sections of a long run: a heading with the time, one summary, an end at the first failure.

section_started=$SECONDS
section_names=()
section_results=()

# section NAME COMMAND…: runs a step. What it prints is shown and kept in .build/logs/NAME.log.
section() {
    local name=$1 began=$SECONDS result=ok
    shift
    mkdir -p .build/logs
    printf '\n━━ %s  (%s since the start)\n' "$name" "$(minutes $((SECONDS - section_started)))"
    # Not `if`: a function called in a condition loses `set -e`.
    set +e
    (set -e; "$@") 2>&1 | tee ".build/logs/$name.log"
    [ "${PIPESTATUS[0]}" -eq 0 ] || result=FAILED
    set -e
    section_names+=("$name")
    section_results+=("$(printf '%-8s %s' "$result" "$(minutes $((SECONDS - began)))")")
    [ "$result" = ok ] || finish_sections 1
}

# finish_sections CODE: the table of sections, then the last words of the test runners, then exit.
finish_sections() {
    local index
    printf '\n━━ summary  (%s)\n' "$(minutes $((SECONDS - section_started)))"
    for index in "${!section_names[@]}"; do
        printf '%-12s %s\n' "${section_names[$index]}" "${section_results[$index]}"
    done
    printf '\n'
    # Swift Testing and pytest each end with a line that counts; whoever reads only the end finds them here.
    [ ! -f .build/logs/unit.log ] || grep -hE 'Test run with [0-9]+ tests?' .build/logs/unit.log | tail -n 1 || true
    [ ! -f .build/logs/system.log ] || grep -hE '^=+ .*(passed|failed|error).* =+$' .build/logs/system.log | tail -n 1 || true
    exit "$1"
}

minutes() {
    printf '%d:%02d min' $(($1 / 60)) $(($1 % 60))
}
