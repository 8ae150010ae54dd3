#!/bin/sh
# The libraries define exactly the public symbols: those of the headers.
set -eu
build=${1:-build}
want=$(mktemp)
trap 'rm -f "$want"' EXIT
sort tests/symbols.list >"$want"

check() { # title, then nm's output on standard input
    awk '$2 ~ /^[A-TV-Z]$/ { print $3 }' | sort | diff "$want" - >/dev/null ||
        { echo "FAIL symbols of $1 differ from tests/symbols.list"; exit 1; }
    echo "ok symbols of $1"
}
nm -D --defined-only "$build/libnetsession.so" | check libnetsession.so
nm -g --defined-only "$build/libnetsession.a" | check libnetsession.a
