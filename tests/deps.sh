#!/bin/sh
# Installs the packages that are missing, on Debian and Ubuntu.
#   deps.sh build         what building and testing need
#   deps.sh ... kerberos  and Kerberos, with a KDC to test against
#   deps.sh ... peers     and the real servers and clients to test against
#   deps.sh ... deeper    and further compilers and checkers
set -eu

build="gcc make pkg-config libssl-dev libjansson-dev libevent-dev check binutils libc6-dev python3"
kerberos="libkrb5-dev krb5-kdc krb5-admin-server krb5-user faketime"
peers="samba samba-common-bin smbclient python3-samba samba-testsuite python3-impacket
    winbind krb5-user iproute2 tcpdump tshark"
deeper="clang clang-tidy libclang-rt-dev valgrind shellcheck z3"
# Split out of samba in newer releases.
optional="samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules"

have() {
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

known() {
    [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

lack() { # those of the packages that are not installed
    for p; do have "$p" || printf ' %s' "$p"; done
}

extra=""
want=""
for group; do
    case $group in
    build) list=$build ;;
    kerberos) list=$kerberos ;;
    peers) list=$peers extra=$optional ;;
    deeper) list=$deeper ;;
    *) echo "deps.sh: no group $group" >&2; exit 2 ;;
    esac
    # shellcheck disable=SC2086 # lists are meant to be split
    want="$want$(lack $list)"
done
if ! command -v apt-get >/dev/null; then
    echo "Please have what corresponds to these Debian packages:$build" >&2
    exit 0
fi
run=""
[ "$(id -u)" = 0 ] || run=sudo
if [ -n "$want" ] && [ -n "$run" ] && ! command -v sudo >/dev/null; then
    echo "Please install, as root:$want" >&2
    exit 1
fi
# A list that cannot be had may be one that nothing is wanted of.
[ -z "$want" ] || $run apt-get update -qq || echo "deps.sh: going on with the lists that there are" >&2
for p in $extra; do
    have "$p" || ! known "$p" || want="$want $p"
done
[ -n "$want" ] || exit 0
echo "installing:$want"
# shellcheck disable=SC2086
$run env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $want >/dev/null
