#!/bin/bash
# A Samba AD domain controller (file server, NTLM, KDC) to test against.
#
#   samba_dc.sh start DIR                 provision, start, wait until it answers
#   samba_dc.sh configure DIR 'opt = v'…  replace the extra smb.conf options
#   samba_dc.sh exec DIR COMMAND…         run in the server's network
#   samba_dc.sh stop DIR                  end it and all its processes
#
# The server lives in its own network, mount and PID namespaces: it has ports
# 445 and 88 for itself, the default paths of the package are empty tmpfs
# there, and killing the first process of its PID namespace ends all of it.
# Nothing on the machine is touched but DIR, and no packet leaves loopback.
# DIR/env tells names, users and passwords.  For Kerberos, DIR has
#
#   krb5.conf        what a client needs; exec sets KRB5_CONFIG to it
#   krb5-TYPE.conf   the same with session keys of that type only: aes256,
#                    aes128 or rc4 (kinit with it too)
#   alice.keytab     the key of alice
#   ccache           the default cache of whoever uses these files
#
# Needs root; Debian and Ubuntu packages: samba samba-ad-dc (or
# samba-ad-provision samba-dsdb-modules samba-vfs-modules), winbind, smbclient,
# python3-samba, krb5-user, iproute2.
set -euo pipefail
export LC_ALL=C.UTF-8

REALM=LAB.TEST
DOMAIN=LAB
HOST=dc1.lab.test
ADMIN_PASSWORD='Passw0rd!adm'
USER_PASSWORD='Passw0rd!usr'
LOCKOUT_THRESHOLD=8 # above what the tests themselves get wrong
READY_SECONDS=120

die() {
    echo "samba_dc.sh: $*" >&2
    exit 1
}

# ---- inside the namespaces ---------------------------------------------------

# Hides the package's state behind empty directories, and makes the machine's
# name service know only this server.
private_files() {
    local dir=$1 d
    for d in /var/lib/samba /var/cache/samba /run/samba /var/log/samba /etc/samba; do
        mkdir -p "$d" # exists, except /run/samba before the first start ever
        mount -t tmpfs tmpfs "$d"
    done
    mkdir -p /var/lib/samba/private /var/log/samba/cores
    printf '127.0.0.1 localhost\n127.0.0.1 %s %s\n' "$HOST" "${HOST%%.*}" >"$dir/hosts"
    printf 'nameserver 127.0.0.1\noptions timeout:2 attempts:1\n' >"$dir/resolv.conf"
    mount --bind "$dir/hosts" /etc/hosts
    # A dangling link in some containers; then no name resolves, just as well.
    mount --bind "$dir/resolv.conf" /etc/resolv.conf || true
}

provision() {
    samba-tool domain provision --realm="$REALM" --domain="$DOMAIN" --server-role=dc \
        --dns-backend=SAMBA_INTERNAL --host-name="${HOST%%.*}" --host-ip=127.0.0.1 \
        --adminpass="$ADMIN_PASSWORD" \
        --option='interfaces=lo' --option='bind interfaces only=yes' \
        --option='dns update command=/bin/true' --option='spn update command=/bin/true'
    # The forwarder would be ourselves (see resolv.conf): a loop.
    sed -i -e '/dns forwarder/d' \
        -e 's,^\[global\].*,&\n\tinclude = /etc/samba/test.conf,' /etc/samba/smb.conf
    : >/etc/samba/test.conf
}

create_users() {
    samba-tool domain passwordsettings set --complexity=off --history-length=0 \
        --min-pwd-age=0 --account-lockout-threshold=$LOCKOUT_THRESHOLD \
        --account-lockout-duration=600 --reset-account-lockout-after=600
    local user
    for user in alice bob locked disabled 'jürgen'; do
        samba-tool user create "$user" "$USER_PASSWORD"
    done
    samba-tool user create expired "$USER_PASSWORD" --must-change-at-next-login
    samba-tool user create other "$USER_PASSWORD" # has the key of cifs/other.lab.test
    samba-tool spn add cifs/other.lab.test other
    samba-tool group addmembers Administrators alice
    samba-tool user disable disabled
}

export_keytab() { # USER FILE
    rm -f "$2"
    samba-tool domain exportkeytab "$2" --principal="$1"
}

# Process 1 of the PID namespace: its end is the end of everything in it.
inside() {
    local dir=$1
    ip link set lo up
    private_files "$dir"
    provision
    create_users
    export_keytab alice "$dir/alice.keytab"
    : >"$dir/provisioned"
    samba -F -M standard --no-process-group </dev/null
}

# ---- outside -------------------------------------------------------------------

# Reads DIR/env; sets INIT_PID and the rest.
read_env() {
    [ -r "$1/env" ] || die "no server in $1"
    # shellcheck disable=SC1091
    . "$1/env"
    kill -0 "$INIT_PID" 2>/dev/null || die "the server of $1 has ended; see $1/log"
}

# In the server's network and file names, with our own process numbers, so
# that the caller may signal COMMAND itself (nsenter becomes it, no fork).
in_namespaces() {
    local dir=$1
    shift
    # Entering a mount namespace goes to its root directory: go back.
    # shellcheck disable=SC2016
    exec nsenter -t "$INIT_PID" -n -m -- env KRB5_CONFIG="$dir/krb5.conf" \
        sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

# With its process numbers too, as Samba's tools that send messages need.
with_pids() {
    nsenter -t "$INIT_PID" -n -m -p -- "$@"
}

# write_krb5_conf DIR NAME [ENCTYPE].  The KDC chooses among what the client
# says it permits; default_tgs_enctypes alone does not bind it.
write_krb5_conf() {
    cat >"$1/$2" <<END
[libdefaults]
    default_realm = $REALM
    default_ccache_name = FILE:$1/ccache
    ${3:+permitted_enctypes = $3}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
[realms]
    $REALM = {
        kdc = 127.0.0.1
    }
[domain_realm]
    .${HOST#*.} = $REALM
END
}

write_krb5_confs() {
    write_krb5_conf "$1" krb5.conf
    write_krb5_conf "$1" krb5-aes256.conf aes256-cts-hmac-sha1-96
    write_krb5_conf "$1" krb5-aes128.conf aes128-cts-hmac-sha1-96
    write_krb5_conf "$1" krb5-rc4.conf arcfour-hmac
}

write_env() {
    cat >"$1/env" <<END
UNSHARE_PID=$2
INIT_PID=$3
REALM=$REALM
DOMAIN=$DOMAIN
HOST=$HOST
ADMIN_USER=Administrator
ADMIN_PASSWORD='$ADMIN_PASSWORD'
USER_PASSWORD='$USER_PASSWORD'
KRB5_CONFIG=$1/krb5.conf
END
}

# poll NAME COMMAND…: until COMMAND succeeds, the server ends, or time is up.
poll() {
    local name=$1
    shift
    while ! "$@" >/dev/null 2>&1; do
        kill -0 "$INIT_PID" 2>/dev/null || die "the server ended early; see $DIR/log"
        [ "$SECONDS" -lt "$READY_SECONDS" ] || die "$name: not in $READY_SECONDS s; see $DIR/log"
        sleep 0.2
    done
}

smb_answers() {
    (in_namespaces "$DIR" smbclient "//$HOST/IPC\$" -U "Administrator%$ADMIN_PASSWORD" -c exit)
}

kdc_answers() {
    (in_namespaces "$DIR" kinit -c MEMORY: "Administrator@$REALM" <<<"$ADMIN_PASSWORD")
}

# Wrong passwords until the server says so; success means locked.
lock_account() {
    local answer
    answer=$( (in_namespaces "$DIR" smbclient "//$HOST/IPC\$" -U 'locked%wrong' -c exit) 2>&1) || true
    [[ $answer == *NT_STATUS_ACCOUNT_LOCKED_OUT* ]]
}

start() {
    [ "$(id -u)" = 0 ] || die "must be root (namespaces)"
    DIR=$1
    mkdir -p "$DIR"
    DIR=$(cd "$DIR" && pwd)
    [ ! -e "$DIR/env" ] || die "$DIR/env exists: stop that server first"
    rm -f "$DIR/provisioned"
    write_krb5_confs "$DIR"
    # --kill-child: should unshare be killed, the namespace goes with it.
    setsid unshare --net --mount --pid --fork --kill-child -- \
        "$0" __inside "$DIR" </dev/null >"$DIR/log" 2>&1 &
    local outer=$! init=
    trap 'kill -KILL $outer 2>/dev/null || true; rm -f "$DIR/env"' EXIT
    while [ -z "$init" ]; do
        kill -0 $outer 2>/dev/null || die "unshare failed; see $DIR/log"
        # Only our child's own child: process 1 of the new namespace.
        init=$(pgrep -P $outer || true)
        [ -n "$init" ] || sleep 0.05
    done
    INIT_PID=$init
    poll provisioning test -e "$DIR/provisioned"
    poll "file server" smb_answers
    poll "Kerberos server" kdc_answers
    poll "account lockout" lock_account
    write_env "$DIR" $outer "$init"
    trap - EXIT
}

# reload-config is not acknowledged, but a process handles its messages in the
# order of arrival: once the main smbd has answered the ping that followed, it
# has read the file, and each new connection is a fork of it.
configure() {
    local dir=$1 option name want got
    shift
    read_env "$dir"
    printf '%s\n' "$@" | with_pids tee /etc/samba/test.conf >/dev/null
    for option in "$@"; do
        read -r name <<<"${option%%=*}" # read strips the blanks around
        read -r want <<<"${option#*=}"
        got=$(with_pids testparm -s --parameter-name="$name" 2>&1 >/dev/null) || die "smb.conf: $got"
        got=$(with_pids testparm -s --parameter-name="$name" 2>/dev/null)
        [ "$(canonical "$got")" = "$(canonical "$want")" ] ||
            die "smb.conf: '$name' is '$got', not '$want'"
    done
    with_pids smbcontrol smbd reload-config
    with_pids smbcontrol -t 10 smbd ping | grep -q PONG || die "smbd does not answer"
}

# testparm prints lists with ", " between and one of several names of a value.
canonical() {
    echo "$1" | tr '[:upper:]' '[:lower:]' | tr -s ', ' ' ' |
        sed -e 's/^smb3$/smb3_11/' -e 's/^smb2$/smb2_10/' -e 's/^mandatory$/required/' -e 's/^no$/off/'
}

stop() {
    [ -e "$1/env" ] || return 0
    # shellcheck disable=SC1091
    . "$1/env"
    kill -KILL "$INIT_PID" 2>/dev/null || true
    # unshare ends when the namespace is empty.
    while kill -0 "$UNSHARE_PID" 2>/dev/null; do sleep 0.05; done
    rm -f "$1/env"
}

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

[ $# -ge 2 ] || usage
command=$1
shift
case $command in
start) start "$1" ;;
configure) configure "$@" ;;
exec)
    dir=$1
    shift
    read_env "$dir"
    in_namespaces "$dir" "$@"
    ;;
stop) stop "$1" ;;
__inside) inside "$1" ;;
*) usage ;;
esac
