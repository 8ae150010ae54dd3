#!/bin/bash
# An MIT Kerberos KDC to test against, in a directory, without privileges.
#
#   mit_kdc.sh start DIR [OFFSET]   make the realm unless DIR has it, and serve it;
#                                   with OFFSET ("+600s") by a wrong clock
#   mit_kdc.sh stop DIR             end it; the realm stays, for another start
#
# Listens on a free port of 127.0.0.1, UDP and TCP.  DIR/env tells names and
# passwords, KRB5_CONFIG in it is all that a client needs.  DIR also has
#
#   server.keytab   the keys of the services
#   alice.keytab    the key of alice, for a client
#   stale.keytab    of two services a key that is no longer theirs:
#                   cifs/stale.net.test (the KDC has a newer version) and
#                   cifs/wrong.net.test (another key under the same version)
#   ccache          the default cache of whoever uses this KRB5_CONFIG
#
# Debian and Ubuntu packages: krb5-kdc, krb5-admin-server, krb5-user; faketime
# for OFFSET.
set -euo pipefail
export LC_ALL=C.UTF-8
PATH=$PATH:/usr/sbin:/sbin

REALM=NET.TEST
ALICE_PASSWORD='alice-Secret1'
BOB_PASSWORD='bob-Secret1'
EXPIRED_PASSWORD='expired-Secret1'
DISABLED_PASSWORD='disabled-Secret1'
ENCTYPES='aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 aes256-cts-hmac-sha384-192'
ENCTYPES+=' aes128-cts-hmac-sha256-128 arcfour-hmac'
READY_SECONDS=20

die() {
    echo "mit_kdc.sh: $*" >&2
    exit 1
}

# ---- configuration -------------------------------------------------------------

# RC4 is refused by default from 1.21 on; 1.20 does not know allow_rc4.
write_krb5_conf() {
    cat >"$DIR/krb5.conf" <<END
[libdefaults]
    default_realm = $REALM
    default_ccache_name = FILE:$DIR/ccache
    permitted_enctypes = $ENCTYPES
    allow_weak_crypto = true
    allow_rc4 = true
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    qualify_shortname = ""
    rdns = false
[realms]
    $REALM = {
        kdc = 127.0.0.1:$1
    }
[domain_realm]
    .net.test = $REALM
    localhost = $REALM
END
}

write_kdc_conf() {
    cat >"$DIR/kdc.conf" <<END
[realms]
    $REALM = {
        kdc_listen = 127.0.0.1:$1
        kdc_tcp_listen = 127.0.0.1:$1
        database_name = $DIR/principal
        key_stash_file = $DIR/stash
        acl_file = $DIR/acl
        max_life = 10h
        max_renewable_life = 7d
        supported_enctypes = aes256-cts:normal aes128-cts:normal
    }
[logging]
    kdc = FILE:$DIR/kdc.log
    admin_server = FILE:$DIR/kdc.log
    default = FILE:$DIR/kdc.log
END
}

write_env() {
    cat >"$DIR/env" <<END
KRB5_CONFIG=$DIR/krb5.conf
REALM=$REALM
PORT=$1
KDC_PID=$2
ALICE_PASSWORD='$ALICE_PASSWORD'
BOB_PASSWORD='$BOB_PASSWORD'
EXPIRED_PASSWORD='$EXPIRED_PASSWORD'
DISABLED_PASSWORD='$DISABLED_PASSWORD'
END
}

# ---- the realm -----------------------------------------------------------------

admin() { # one kadmin command
    kadmin.local -r "$REALM" "$@" >/dev/null
}

# service NAME KEYS SESSION-ENCTYPES KEYTAB: the KDC gives session keys of these
# types only.
service() {
    admin addprinc -randkey -e "$2" "$1"
    admin setstr "$1" session_enctypes "$3"
    admin ktadd -k "$DIR/$4" -norandkey "$1"
}

add_services() {
    local aes='aes256-cts:normal,aes128-cts:normal'
    local types='aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96'
    service cifs/localhost aes256-cts:normal "$types" server.keytab
    service cifs/127.0.0.2 aes256-cts:normal "$types" server.keytab # where localhost has no address
    service cifs/fs1.net.test "$aes" "$types" server.keytab
    service cifs/aes128.net.test aes128-cts:normal aes128-cts-hmac-sha1-96 server.keytab
    service cifs/rc4.net.test arcfour-hmac:normal arcfour-hmac server.keytab
    service cifs/sha384.net.test aes256-sha2:normal aes256-cts-hmac-sha384-192 server.keytab
}

# What stale.keytab is for: see above.
add_stale_services() {
    service cifs/stale.net.test aes256-cts:normal aes256-cts-hmac-sha1-96 stale.keytab
    admin cpw -randkey -e aes256-cts:normal cifs/stale.net.test
    service cifs/wrong.net.test aes256-cts:normal aes256-cts-hmac-sha1-96 stale.keytab
    admin delprinc -force cifs/wrong.net.test
    admin addprinc -randkey -e aes256-cts:normal cifs/wrong.net.test
}

# All must preauthenticate, so that a wrong password is the KDC's to find out.
add_users() {
    admin addprinc +requires_preauth -pw "$ALICE_PASSWORD" alice
    admin addprinc +requires_preauth -pw "$BOB_PASSWORD" bob
    admin addprinc +requires_preauth -pw "$EXPIRED_PASSWORD" \
        -pwexpire '2020-01-01 00:00:00 UTC' expired
    admin addprinc +requires_preauth -allow_tix -pw "$DISABLED_PASSWORD" disabled
    admin ktadd -k "$DIR/alice.keytab" -norandkey alice
}

make_realm() {
    rm -f "$DIR"/principal* "$DIR"/*.keytab "$DIR/stash"
    kdb5_util -r "$REALM" create -s -P "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
        >"$DIR/log" 2>&1 || die "kdb5_util failed; see $DIR/log"
    add_users
    add_services
    add_stale_services
    touch "$DIR/complete"
}

# ---- running -------------------------------------------------------------------

# krb5kdc goes to the background when it has its sockets; it fails when one of
# them is taken.  The faketime command would wait for the background too.
launch() {
    local clock=()
    if [ -n "$OFFSET" ]; then
        clock=(env FAKETIME="$OFFSET" LD_PRELOAD="$(faketime -f +0 printenv LD_PRELOAD)")
    fi
    rm -f "$DIR/pid"
    "${clock[@]}" krb5kdc -r "$REALM" -P "$DIR/pid" </dev/null >>"$DIR/log" 2>&1
}

# Sets PORT.  Above what systems give to clients by themselves, mostly.
launch_on_free_port() {
    for _ in {1..20}; do
        PORT=$((61000 + RANDOM % 4000))
        write_krb5_conf $PORT
        write_kdc_conf $PORT
        if [ ! -e "$DIR/complete" ]; then make_realm; fi
        if launch; then return; fi
    done
    die "krb5kdc does not start; see $DIR/log and $DIR/kdc.log"
}

kdc_answers() {
    kinit -c MEMORY: -k -t "$DIR/alice.keytab" "alice@$REALM"
}

# poll COMMAND…: until it succeeds, or time is up.
poll() {
    while ! "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$READY_SECONDS" ] || die "$1: not in $READY_SECONDS s; see $DIR/kdc.log"
        sleep 0.05
    done
}

start() {
    [ ! -e "$DIR/env" ] || die "$DIR/env exists: stop that KDC first"
    launch_on_free_port
    poll test -s "$DIR/pid"
    poll kdc_answers
    write_env "$PORT" "$(cat "$DIR/pid")"
}

stop() {
    [ -e "$DIR/env" ] || return 0
    # shellcheck disable=SC1091
    . "$DIR/env"
    kill -TERM "$KDC_PID" 2>/dev/null || true
    while kill -0 "$KDC_PID" 2>/dev/null; do sleep 0.02; done
    rm -f "$DIR/env" "$DIR/pid"
}

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

if [ $# -lt 2 ] || [ $# -gt 3 ]; then usage; fi
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
OFFSET=${3-}
export KRB5_CONFIG=$DIR/krb5.conf KRB5_KDC_PROFILE=$DIR/kdc.conf
case $1 in
start) start ;;
stop) stop ;;
*) usage ;;
esac
