#!/bin/sh
# Runs the fuzzers that are built, one after the other: first what once broke
# them, tests/fuzz/crashes/<target>-*, then each for some seconds on its corpus.
# usage: tests/fuzz/run.sh BUILD SECONDS FUZZER...      (from the top)
set -eu

build=$1 seconds=$2
shift 2

dictionary() { # of a target: the one whose name is in its own
    [ "$1" != client ] || echo -dict=tests/fuzz/smb2.dict
    for d in tests/fuzz/*.dict; do
        case $1 in *"$(basename "$d" .dict)"*) echo "-dict=$d" ;; esac
    done
}

for fuzzer; do
    name=${fuzzer##*/fuzz_}
    echo "== $name"
    for crash in tests/fuzz/crashes/"$name"-*; do
        [ ! -e "$crash" ] || "$fuzzer" -verbosity=0 "$crash"
    done
    mkdir -p "$build/corpus/$name"
    # shellcheck disable=SC2046 # at most one word
    "$fuzzer" -max_total_time="$seconds" -max_len=8192 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$build/" $(dictionary "$name") "$build/corpus/$name"
done
