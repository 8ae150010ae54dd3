#!/bin/bash
# What `make demo` shows: a real Samba server, a few sessions on it, and the
# command listing them.  Root is needed for the server's own network namespace.
set -euo pipefail

build=${1:-build}
peer=tests/peers/samba_dc.sh
if [ "$(id -u)" != 0 ]; then
    exec sudo "$0" "$@"
fi
dir=$(mktemp -d)
hold_pid=""
finish() {
    [ -z "$hold_pid" ] || kill "$hold_pid" 2>/dev/null || true
    "$peer" stop "$dir" >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap finish EXIT

echo "starting a Samba domain controller in a network of its own ..."
"$peer" start "$dir" >/dev/null
# shellcheck source=/dev/null
. "$dir/env"

hold() { # user, password, count
    coproc HOLD { exec "$peer" exec "$dir" tests/peers/hold_sessions.py 127.0.0.1 445 "$@"; }
    hold_pid="$hold_pid $HOLD_PID"
    read -r _ <&"${HOLD[0]}"
}

show() {
    printf '\n$ %s\n' "$*"
    PASSWD=$ADMIN_PASSWORD "$peer" exec "$dir" "$build/$1" "${@:2}"
}

hold "$DOMAIN\\alice" "$USER_PASSWORD" 2
show netsession -v -U "$DOMAIN\\Administrator" "$HOST"
show netsession --json --level 0 -U "$DOMAIN\\Administrator" "$HOST"
show netsession --encrypt -v -U "$DOMAIN\\Administrator" "$HOST"
