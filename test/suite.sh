# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# suite.sh: counts what suites pass and fail. Sourced by ./dev and .ci/run.
#
# A suite is a command whose last line is "..., N passed, N failed" or "name: N passed, N failed". One that prints no
# such line, or ends badly though it counted no failure, is a failure by itself, so that nothing passes by not running.
#
# Suites that mostly wait go beside others: `beside` starts one, `joined` shows, whole, what each said, and counts it.

suite_passed=0
suite_failed=0
suite_names=()
beside_names=()
beside_logs=()
beside_pids=()

# counted NAME LOG STATUS SECONDS: adds what a suite that has ended says of itself.
counted()
{
    local name=$1 log=$2 status=$3 line="" passed=0 failed=0
    line=$(grep -E '(^|[ :])[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) || true
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
        passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
    else
        printf '%s: printed no count (exit %d)\n' "$name" "$status"
        failed=1
    fi
    ((status == 0 || failed > 0)) || failed=1
    suite_passed=$((suite_passed + passed))
    suite_failed=$((suite_failed + failed))
    suite_names+=("$(printf '%-28s %6d passed %4d failed  %4d s' "$name" "$passed" "$failed" "$4")")
}

# suite NAME COMMAND...: runs it, shows its output, adds its counts.
suite()
{
    local name=$1 log status=0 before
    shift
    log=$(mktemp)
    before=$SECONDS
    printf '== %s\n' "$name"
    "$@" 2>&1 | tee "$log" || status=$?
    counted "$name" "$log" "$status" $((SECONDS - before))
    rm -f "$log"
}

# beside NAME COMMAND...: starts it. In a process group of its own, so that it can be ended with all that it started.
beside()
{
    local name=$1 log
    shift
    log=$(mktemp)
    trap beside_end EXIT
    set -m
    beside_run "$log.seconds" "$@" </dev/null >"$log" 2>&1 &
    set +m
    beside_names+=("$name")
    beside_logs+=("$log")
    beside_pids+=($!)
}

beside_run()
{
    local seconds=$1 status=0 before=$SECONDS
    shift
    trap - EXIT
    "$@" || status=$?
    printf '%d\n' $((SECONDS - before)) >"$seconds"
    return "$status"
}

# joined: waits for all that run beside, in the order they were started. One that was ended from outside is a failure.
joined()
{
    local i status log
    for i in "${!beside_pids[@]}"; do
        status=0 log=${beside_logs[i]}
        wait "${beside_pids[i]}" || status=$?
        printf '== %s\n' "${beside_names[i]}"
        cat "$log"
        counted "${beside_names[i]}" "$log" "$status" "$(cat "$log.seconds" 2>/dev/null || echo 0)"
        rm -f "$log" "$log.seconds"
        unset "beside_pids[i]" "beside_logs[i]" "beside_names[i]"
    done
    beside_names=() beside_logs=() beside_pids=()
}

# What runs still when the script ends early.
beside_end()
{
    local i
    for i in "${!beside_pids[@]}"; do
        kill -- "-${beside_pids[i]}" 2>/dev/null || true
        rm -f "${beside_logs[i]}" "${beside_logs[i]}.seconds"
    done
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
