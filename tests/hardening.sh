#!/bin/sh
# The programs and the shared library are hardened.
#   hardening.sh BUILD            everything must be there, as with gcc and clang on
#                                 Debian
#   hardening.sh BUILD FLAG...    what these flags of compiler and linker promise
set -eu
export LC_ALL=C
build=$1
shift
[ $# -gt 0 ] || set -- -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3 \
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -pie
flags=" $* "
failed=0

given() {
    case $flags in *" $1"*) ;; *) return 1 ;; esac
}

has() { # what readelf says of the file
    # shellcheck disable=SC2317 # by must
    readelf "$1" --wide "$file" 2>/dev/null | grep -qE "$2"
}

must() { # title, command...
    title=$1
    shift
    "$@" || { echo "FAIL $file: $title"; failed=1; }
}

must_not() {
    title=$1
    shift
    ! "$@" || { echo "FAIL $file: $title"; failed=1; }
}

# Large frames grow page by page, and each page is touched.
touches_pages() {
    # shellcheck disable=SC2016,SC2317 # $0x1000 is objdump's; by must
    objdump -d --no-show-raw-insn "$file" | grep -A1 'sub *\$0x1000,%rsp' |
        grep -qE ' \$0x0,(0x[0-9a-f]+)?\(%rsp\)'
}

is_program() {
    [ "$file" != "$build/libnetsession.so" ]
}

check() {
    must_not 'memory both writable and executable' has -l '^ *(LOAD|GNU_STACK) .* RWE '
    must_not 'a path to search for libraries' has -d '\((RPATH|RUNPATH)\)'
    must_not 'text relocations' has -d 'TEXTREL'
    ! given -Wl,-z,noexecstack || must 'no GNU_STACK' has -l '^ *GNU_STACK '
    ! given -Wl,-z,relro || must 'no GNU_RELRO' has -l '^ *GNU_RELRO '
    ! given -Wl,-z,now || must 'symbols are bound late' has -d 'FLAGS.*NOW'
    ! given -pie || ! is_program || must 'no PIE' has -d 'FLAGS_1.*PIE'
    ! given -fstack-protector || must 'no stack protector' has --dyn-syms ' __stack_chk_fail'
    ! given -fstack-clash-protection || ! has -h 'Machine:.*X86-64' ||
        must 'large stack frames skip pages' touches_pages
    ! given -D_FORTIFY_SOURCE || must 'no fortified functions' has --dyn-syms 'UND __[a-z]+_chk[@ ]'
}

for file in "$build/libnetsession.so" "$build/netsession" "$build/sessiond"; do
    check
done
# Of all objects together.  A program has the mark only if libc's have it, too,
# and Debian 12's have not.
file=$build/libnetsession.a
! given -fcf-protection || must 'no IBT or SHSTK' has -n 'x86 feature: IBT, SHSTK'
[ $failed = 0 ] && echo "ok hardening of libnetsession.so, netsession, sessiond"
exit $failed
