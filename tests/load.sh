#!/bin/bash
# What the reference server takes: memory of idle clients, and of a long list
# read through paging.   usage: tests/load.sh [BUILD [CLIENTS [SESSIONS]]]
set -euo pipefail

build=${1:-build} clients=${2:-10000} sessions=${3:-1000000}
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
umask 077
printf 'admin\tpassword:secret\tadmin\n' >"$dir/users"
export USER=admin PASSWD=secret
mkfifo "$dir/held"

kib() { # of a process: VmRSS, VmHWM
    awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"
}

wait_for() { # a line that matches, in a file that grows
    until grep -qs "$1" "$2"; do
        [ $((SECONDS - start)) -lt 120 ] || { echo "load.sh: no \"$1\"" >&2; exit 1; }
        read -rt 0.02 <> <(:) || true
    done
}

serve() { # options
    start=$SECONDS
    : >"$dir/log"
    "$build/sessiond" --quiet --users "$dir/users" --listen 127.0.0.1:0 "$@" >"$dir/log" &
    pid=$!
    wait_for '^sessiond: ready' "$dir/log"
    server=127.0.0.1:$(sed -n 's/.*ready.* port //p' "$dir/log")
}

serve
before=$(kib "$pid" VmRSS)
"$build/tests/hold" "$server" "$clients" <"$dir/held" >"$dir/ready" &
exec 3>"$dir/held"
wait_for ready "$dir/ready"
after=$(kib "$pid" VmRSS)
echo "$clients clients logged on, a pipe open each: $(((after - before) * 1024 / clients))" \
    "bytes of the server for each"
exec 3>&-
kill "$pid"
wait "$pid" || true

serve --fill "$sessions"
"$build/tests/count" "$server" 502
echo "the server's peak: $(kib "$pid" VmHWM) KiB"
