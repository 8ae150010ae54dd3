#!/bin/bash
# What `make demo` shows: the reference server on a loopback port, a few real
# sessions on it as different users, and the command listing them at every
# level, as a table and as JSON.  No root, no network.
set -euo pipefail

build=${1:-build}
dir=$(mktemp -d)
trap 'exec {hold}>&- || true; kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$dir"' EXIT

admin_password=$(head -c 12 /dev/urandom | base64)
user_password=$(head -c 12 /dev/urandom | base64)
umask 077
printf 'administrator\tpassword:%s\tadmin\nalice\tpassword:%s\nbob\tpassword:%s\n' \
    "$admin_password" "$user_password" "$user_password" >"$dir/users"
mkfifo "$dir/ready" "$dir/held"
: >"$dir/log"

wait_for() { # a line that matches, in a file that grows
    local n
    for ((n = 0; n < 500; n++)); do
        grep -qs "$1" "$2" && return
        read -rt 0.02 <> <(:) || true
    done
    echo "demo: no \"$1\" from the server" >&2
    exit 1
}

printf '$ sessiond --users users --listen 127.0.0.1:0 &\n'
"$build/sessiond" --users "$dir/users" --listen 127.0.0.1:0 >"$dir/log" &
wait_for '^sessiond: ready' "$dir/log"
port=$(sed -n 's/.* port //p' "$dir/log")
server=127.0.0.1:$port

hold() { # user, count: the sessions last until this script ends
    USER=$1 PASSWD=$user_password "$build/tests/hold" "$server" "$2" \
        <"$dir/held" >"$dir/ready" &
}

printf '(two sessions of alice and one of bob are opened)\n'
hold alice 2
hold bob 1
# shellcheck disable=SC2034 # the trap closes it
exec {hold}>"$dir/held"
for _ in 1 2; do read -r _; done <"$dir/ready"

show() {
    printf '\n$ netsession -U administrator %s %s\n' "$*" "$server"
    PASSWD=$admin_password "$build/netsession" -U administrator "$@" "$server"
}

show -v
for level in 2 1 10 0; do show --level "$level"; done
show --encrypt --cipher AES-256-GCM --json --level 502
printf '\n$ kill %%1\n'
