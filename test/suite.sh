# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# suite.sh: counts what suites pass and fail. Sourced by ./dev and .ci/run.
#
# A suite is a command whose last line is "..., N passed, N failed" or "name: N passed, N failed". One that prints no
# such line, or ends badly though it counted no failure, is a failure by itself, so that nothing passes by not running.

suite_passed=0
suite_failed=0
suite_names=()

# suite NAME COMMAND...: runs it, shows its output, adds its counts.
suite()
{
    local name=$1 log status=0 line="" before
    shift
    log=$(mktemp)
    before=$SECONDS
    printf '== %s\n' "$name"
    "$@" 2>&1 | tee "$log" || status=$?
    line=$(grep -E '(^|[ :])[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) || true
    rm -f "$log"
    local passed=0 failed=0
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
        passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
    else
        printf '%s: printed no count (exit %d)\n' "$name" "$status"
        failed=1
    fi
    ((status == 0 || failed > 0)) || failed=1
    suite_passed=$((suite_passed + passed))
    suite_failed=$((suite_failed + failed))
    suite_names+=("$(printf '%-28s %6d passed %4d failed  %4d s' "$name" "$passed" "$failed" $((SECONDS - before)))")
}

# step NAME COMMAND...: a command that passes or fails as a whole (a build, a linter).
step()
{
    local name=$1 status=0 before=$SECONDS
    shift
    printf '== %s\n' "$name"
    "$@" || status=$?
    if ((status == 0)); then suite_passed=$((suite_passed + 1)); else suite_failed=$((suite_failed + 1)); fi
    suite_names+=("$(printf '%-28s %6d passed %4d failed  %4d s' "$name" $((status == 0)) $((status != 0)) \
        $((SECONDS - before)))")
    return 0
}

# suite_end: the table, and the line that counts. Exit code 1 if anything failed or nothing ran.
suite_end()
{
    ((${#suite_names[@]} == 0)) || printf '%s\n' "${suite_names[@]}"
    printf '%d passed, %d failed\n' "$suite_passed" "$suite_failed"
    ((suite_failed == 0 && suite_passed > 0))
}
