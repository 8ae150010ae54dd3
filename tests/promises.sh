#!/bin/sh
# Every test that SECURITY.md names exists: `FILE` or `FILE:TEST`.
set -eu
cd "$(dirname "$0")/.."
failed=0
# shellcheck disable=SC2016 # the backquotes are those of the text
for named in $(grep -o '`tests/[^`]*`' SECURITY.md | tr -d '`' | sort -u); do
    file=${named%%:*}
    case $named in
    *.c:*) want="START_TEST(${named#*:})" ;;
    *.py:*) want="def ${named#*:}(self" ;;
    *) want= ;;
    esac
    grep -qF "$want" "$file" || { echo "FAIL SECURITY.md: no $named"; failed=1; }
done
[ $failed = 1 ] || echo "ok SECURITY.md names tests that exist"
exit $failed
