#!/bin/bash
# The tests on a big-endian 64-bit machine (s390x, through qemu-user) and on a
# 32-bit one (i386), with Debian's cross compilers.  The foreign libraries are
# unpacked into the build folder, not installed, so that their version need
# not be that of the machine's own.  Needs root once, for the compilers.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

foreign="libssl-dev libssl3 libsubunit-dev check"

compilers() {
    local p want=""
    for p in gcc-s390x-linux-gnu libc6-dev-s390x-cross gcc-i686-linux-gnu \
        libc6-dev-i386-cross qemu-user; do
        dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || want="$want $p"
    done
    # shellcheck disable=SC2086
    [ -z "$want" ] || apt-get install -y -qq --no-install-recommends $want >/dev/null
}

unpack() { # architecture, folder
    local arch=$1 root=$2 p
    [ -e "$root/done" ] && return
    [[ " $(dpkg --print-foreign-architectures | tr '\n' ' ')" == *" $arch "* ]] || {
        dpkg --add-architecture "$arch"
        apt-get update -qq || true # of the native lists, say; what is missing shows below
    }
    mkdir -p "$root/debs"
    for p in $foreign; do
        (cd "$root/debs" && apt-get download -qq -o APT::Sandbox::User=root "$p:$arch")
    done
    for p in "$root"/debs/*.deb; do dpkg -x "$p" "$root"; done
    touch "$root/done"
}

run() { # architecture, GNU triplet, Debian's, emulator
    local build=build-$1 root=build-$1/root
    unpack "$1" "$root"
    make -j2 "$build/tests/check" BUILD="$build" WITH_KRB5=0 CC="$2-gcc" LD="$2-ld" OBJCOPY="$2-objcopy" \
        CPPFLAGS="-isystem $root/usr/include -isystem $root/usr/include/$3" \
        CFLAGS='-O1 -g -Werror' LDFLAGS="-static -L$root/usr/lib/$3" \
        CHECK_LIBS='-lcheck_pic -lsubunit -lrt -lm' >"$build/log" 2>&1 || { tail -40 "$build/log"; return 1; }
    ${4:-} "$build/tests/check"
}

compilers
run s390x s390x-linux-gnu s390x-linux-gnu qemu-s390x
run i386 i686-linux-gnu i386-linux-gnu
