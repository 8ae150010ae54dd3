#!/bin/bash
# Runs the tests that need a KDC, with a realm and a server of their own; no
# root, no network but 127.0.0.0/8.
#   kerberos.sh BUILD [COMMAND...]    COMMAND (valgrind ...) goes before the tests
set -euo pipefail
build=$1
shift
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server; tests/peers/mit_kdc.sh stop "$dir"; rm -rf "$dir"' EXIT
tests/peers/mit_kdc.sh start "$dir"
set -a
# shellcheck source=/dev/null
. "$dir/env"
set +a
export KDC_DIR=$dir KRB5RCACHEDIR=$dir
unset KRB5CCNAME KRB5_CLIENT_KTNAME KRB5_KTNAME USER PASSWD PASSWD_FD PASSWD_FILE
kinit -k -t "$dir/alice.keytab" alice

# A KDC that never answers: a port that nobody reads.
coproc SILENT { python3 -c '
import socket, sys
while True: # until a port is free for both
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    t = socket.socket()
    s.bind(("127.0.0.1", 0))
    try:
        t.bind(s.getsockname())
        break
    except OSError:
        pass
t.listen()
print(s.getsockname()[1], flush=True)
sys.stdin.read()'; } # until this script ends
read -r port <&"${SILENT[0]}"
sed "s/kdc = .*/kdc = 127.0.0.1:$port/" "$dir/krb5.conf" >"$dir/silent.conf"

: >"$dir/sessiond.log" # there before it is looked for
"$build/sessiond" --keytab "$dir/server.keytab" --listen 127.0.0.2:0 --read-for-all \
    >"$dir/sessiond.log" 2>&1 &
server=$!
for _ in $(seq 1200); do
    port=$(sed -n 's/.*ready on .* port \([0-9]*\).*/\1/p' "$dir/sessiond.log")
    [ -z "$port" ] || break
    sleep 0.05 # between looks
done
[ -n "$port" ] || { cat "$dir/sessiond.log"; exit 1; }
export SESSIOND=127.0.0.2:$port
"$@" "$build/tests/check_kerberos"
