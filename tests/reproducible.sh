#!/bin/bash
# Two builds give the same bytes: in other folders, of other names and lengths,
# from files made in another order, with another locale, time zone and umask.
# Only files that git knows of are built.
#   reproducible.sh [MAKE'S ARGUMENTS...]
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
made="libnetsession.a libnetsession.so netsession sessiond"

copy() { # where to, how to sort the files
    mkdir -p "$1"
    comm -23 <(git ls-files | sort) <(git ls-files -d | sort) | sort "$2" | tar -c -T - | tar -x -m -C "$1"
}

build() { # in, build folder, make's arguments
    local in=$1 build=$2 p targets=()
    shift 2
    for p in $made; do targets+=("$build/$p"); done
    make -s -C "$in" BUILD="$build" "$@" "${targets[@]}"
}

copy "$dir/a" -f
build "$dir/a" build "$@"
copy "$dir/another/folder" -r
(umask 077 && LC_ALL=C TZ=Asia/Kathmandu build "$dir/another/folder" build-again "$@")

failed=0
for p in $made; do
    if cmp "$dir/a/build/$p" "$dir/another/folder/build-again/$p"; then
        echo "ok $p is reproducible"
    else
        echo "FAIL $p is not reproducible"
        failed=1
    fi
done
exit $failed
