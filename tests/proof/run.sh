#!/bin/bash
# Proves of base/bytes.c what tests/proof/bytes.c says, in the build folder
# given, and that the proof fails where it must.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1
mkdir -p "$out"
CBMC=$(tests/proof/cbmc.sh "$out/cbmc")
export CBMC out

# prove FUNCTION SOURCE LOG: what moves bytes of any number is for Z3, all else
# for CBMC's own solver.  A size of 64 bits doubles 64 times at most.
prove() {
    local solver=''
    [ "$1" != drops ] || solver=--z3
    # shellcheck disable=SC2086 # lists are meant to be split
    $CBMC $solver --function "$1" --drop-unused-functions -Iinclude -I. \
        --bounds-check --pointer-check --pointer-primitive-check --pointer-overflow-check \
        --div-by-zero-check --signed-overflow-check --undefined-shift-check --memory-leak-check \
        --malloc-may-fail --malloc-fail-null --unwind 9 --unwindset grow.0:66 --unwinding-assertions \
        tests/proof/bytes.c "$2" base/mem.c >"$out/$3" 2>&1
}

holds() { # FUNCTION
    if prove "$1" base/bytes.c "$1.log"; then
        echo "ok $1: $(sed -n 's/^\*\* 0 of \(.*\) failed.*/\1/p' "$out/$1.log") checks"
    else
        grep -E 'FAILURE|ERROR|error' "$out/$1.log" || tail -5 "$out/$1.log"
        echo "FAIL $1: $out/$1.log"
        return 1
    fi
}

# broken FUNCTION LINE BY: with the one line of base/bytes.c changed
broken() {
    sed "s/$2/$3/" base/bytes.c >"$out/broken.c"
    if cmp -s base/bytes.c "$out/broken.c" || prove "$1" "$out/broken.c" broken.log ||
        ! grep -qx 'VERIFICATION FAILED' "$out/broken.log"; then
        echo "FAIL: $1 is not refuted with $3: $out/broken.log"
        exit 1
    fi
    echo "ok $1 is refuted with $3"
}
export -f prove holds

broken takes 'n > r->len - r->off' 'n > r->len - r->off + 1'
broken makes_space 'n > w->cap - w->len ||' 'n > w->cap - w->len + 1 ||'
broken makes_space 'ns_free(w->hooks, w->p, w->cap);' '(void)w;'
broken aligns '(multiple - 1)' 'multiple'
broken has_parts 'whole.bad ? 0 : len' 'len'
broken fills_in 'ns_store32(w->p + off, v)' 'ns_store32(w->p + off + 1, v)'
broken keeps_integers 'v >> 24' 'v >> 16'
sed -n 's/^void \([a-z_]*\)(void)$/\1/p; s/^\(READS\|WRITES\)(\([0-9]*\))$/\L\1_\2/p' tests/proof/bytes.c |
    xargs -P "$(nproc)" -I{} bash -c 'holds {}'
