# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# prelude.sh: what the steps of a case may call. Sourced by test/run.py under `sh -eu`, in a copy of the case's folder.

weir() { "$WEIR" "$@"; }

# Runs a command, shows its standard error on standard output, then its exit code; never ends the case.
try()
{
    "$@" 2>&1 && echo "exit 0" || echo "exit $?"
}

# The same, but quiet: only the exit code.
quiet()
{
    "$@" >log 2>&1 && echo "exit 0" || echo "exit $?"
}

# once [RECIPE]: the usual run. Its words go to ./log, which a failing case prints.
once()
{
    weir run "${1:-weir.yaml}" --once >log 2>&1 || { e=$?; cat log >&2; return "$e"; }
}

# dump STORE TABLE [COLUMNS [ORDER]]: rows as text, `|` between columns, null as `-`.
dump() { python3 "$KIT/case/dump.py" "$@"; }

# oracle [RECIPE [STORE]]: all tables against the independent recomputation.
oracle() { python3 "$KIT/oracle/oracle.py" --recipe "${1:-weir.yaml}" --store "${2:-store.db}"; }

# start [RECIPE]: a weir that goes on, and watches when start returns; stop: SIGTERM, its exit code. kill9: what it
# says.
start()
{
    "$WEIR" run "${1:-weir.yaml}" >log 2>&1 &
    weir_pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        ! grep -q 'running from epoch' log 2>/dev/null || break
        sleep 0.1
    done
    sleep 0.2
}
stop()
{
    kill -TERM "$weir_pid"
    wait "$weir_pid" && echo "exit 0" || echo "exit $?"
}
kill9()
{
    kill -KILL "$weir_pid"
    wait "$weir_pid" 2>/dev/null || true
}

# until_rows N STORE TABLE [WHERE]: waits until the table has N rows or more; gives up after 20 s.
until_rows()
{
    python3 "$KIT/case/dump.py" --until "$@" || { cat log >&2; return 1; }
}

# until_log PATTERN: waits until the log of start has such a line; gives up after 20 s.
until_log()
{
    for _ in $(seq 100); do
        ! grep -q "$1" log || return 0
        sleep 0.2
    done
    cat log >&2
    return 1
}

# put FILE: as P2 writes: created in the watched directory, filled, closed. mark E: the marker of minute E.
put() { cat "$1" >"p2/$(basename "$1")"; }
mark() { : >"p2/__@$1.finished"; }
