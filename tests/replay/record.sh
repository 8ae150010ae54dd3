#!/bin/bash
# Records the conversations that tests/test_conn.c replays, against a Samba
# domain controller.  Needed again only when what the client sends changes.
# Needs root.   usage: tests/replay/record.sh   (from the top, after make tests)
set -euo pipefail

peer=tests/peers/samba_dc.sh
dir=$(mktemp -d)
trap '"$peer" stop "$dir" || true; rm -rf "$dir"' EXIT
"$peer" start "$dir"
# shellcheck source=/dev/null
. "$dir/env"

record() { # name, then lines of the config
    local name=$1
    shift
    echo "== $name"
    "$peer" exec "$dir" build/tests/record 127.0.0.1 445 "tests/replay/$name.txt" \
        "host $HOST" "$@"
}

admin=("user $DOMAIN\\Administrator" "password $ADMIN_PASSWORD")

for dialect in 2_02:0202 2_10:0210 3_00:0300 3_02:0302; do
    "$peer" configure "$dir" "server max protocol = SMB${dialect%:*}" 'server signing = mandatory'
    record "smb${dialect%:*}-signed" "${admin[@]}" 'query 1'
done
for dialect in 3_00:0300 3_02:0302; do
    "$peer" configure "$dir" "server max protocol = SMB${dialect%:*}" 'server smb encrypt = required'
    record "smb${dialect%:*}-encrypted" "${admin[@]}" 'query 1'
done
"$peer" configure "$dir" 'server signing = mandatory'
for signing in 0:hmac 1:cmac 2:gmac; do
    record "smb3_11-${signing#*:}" "${admin[@]}" "signing ${signing%:*}" 'query 502' 'query 0'
done
"$peer" configure "$dir" 'server smb encrypt = required'
for cipher in 1:aes128ccm 2:aes128gcm 3:aes256ccm 4:aes256gcm; do
    record "smb3_11-${cipher#*:}" "${admin[@]}" "cipher ${cipher%:*}" 'encrypt 1' 'query 1'
done
"$peer" configure "$dir"
record old-dialects-only "${admin[@]}" 'min 0202' 'max 0210' 'query 1'
record wrong-password "user $DOMAIN\\Administrator" 'password wrong' 'query 1'
record plain-user "user $DOMAIN\\bob" "password $USER_PASSWORD" 'query 10' 'query 0'
record anonymous 'anonymous 1' 'query 1'

coproc hold { "$peer" exec "$dir" tests/peers/hold_sessions.py 127.0.0.1 445 \
    "$DOMAIN\\Administrator" "$ADMIN_PASSWORD" 90; }
read -r _ <&"${hold[0]}"
record many-sessions "${admin[@]}" 'query 1' 'query 0'
"$peer" configure "$dir" 'server smb encrypt = required'
record many-sessions-encrypted "${admin[@]}" 'query 1'
