#!/bin/bash
# Proves of base/bytes.c what tests/proof/bytes.c says.  What is proved is the
# file as it is built, with annotations at its two loops and names for what it
# calls of <string.h>: comments and macros only.
# Debian's packages: frama-c-base, z3, why3.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# before LINE, ANNOTATION: in front of the only line that is this one
before() {
    [ "$(grep -cFx "$1" "$dir/code.c")" = 1 ] || { echo "proof: base/bytes.c has no single line $1"; exit 1; }
    awk -v line="$1" -v note="$2" '$0 == line { print "/*@ " note " */" } { print }' \
        "$dir/code.c" >"$dir/noted.c"
    mv "$dir/noted.c" "$dir/code.c"
}

cp base/bytes.c "$dir/code.c"
before '    for (unsigned i = 0; i < size; i++)' \
    'loop invariant 0 <= i <= size; loop assigns i, v; loop variant size - i;'
before '    while (cap < want)' \
    'loop invariant cap > 0; loop assigns cap; loop variant want - cap;'
before '    return (uint16_t)(p[0] | p[1] << 8);' 'assert 0 <= p[1] <= 255;'
cat tests/proof/bytes.c - "$dir/code.c" >"$dir/bytes.c" <<'END'
#include <string.h>
#define memcpy proof_memcpy
#define memmove proof_memmove
#define memset proof_memset
END

export WHY3CONFIG=$dir/why3.conf
why3 config detect >/dev/null 2>&1
frama-c -no-unicode -machdep gcc_x86_64 -cpp-extra-args="-Iinclude -I." -wp -wp-rte \
    -wp-model Typed+Cast -wp-prover z3 -wp-timeout 20 -wp-par 2 "$@" "$dir/bytes.c" \
    >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
sed -n 's/.*Goal typed_cast_\([a-z0-9_]*\) : \(Failed\|Timeout\|Unknown\|Stepout\).*/\1/p' "$dir/log" |
    sort >"$dir/open"
grep -A2 '^\[wp\] Proved goals' "$dir/log"
if ! grep -q '^\[wp\] Proved goals' "$dir/log" || ! diff "$dir/open" <(grep -v '^#' tests/proof/open.list | sort); then
    echo "FAIL proof: what is not proved differs from tests/proof/open.list"
    exit 1
fi
echo "ok proof: all but what tests/proof/open.list names and explains"
