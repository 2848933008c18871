#!/usr/bin/env bash
# Fuzzes all targets, or those named in this order: scripts/fuzz.sh SECONDS [TARGET...], so much processor time for each,
# FUZZ_JOBS of them (as many as there are processors) at a time. With 0 seconds a target runs over its kept corpus,
# what was found before and the same thousand changes of them every time.
#
# Prints a line a target: executions, seconds of processor time and of the clock, finding. What it learns stays in
# build-asan/corpus. An input that shows a finding lies in build-asan/findings and makes the exit status 1; once mended
# it belongs into tests/fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}
shift
build=build-asan
at_a_time=${FUZZ_JOBS:-$(nproc)}
# More memory than any small input is worth, in all and in one piece; longer than any takes, on a busy machine too.
limits=(-rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=300)

[ -e $build/build.ninja ] || cmake --preset asan --log-level=WARNING > /dev/null
cmake --build $build --target netwright_fuzz fuzz_replay

memory=/dev/shm
[ -w $memory ] || memory=/tmp
TMPDIR=$(mktemp -d -p $memory netwright-fuzz-XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# state PID: one letter, Z when it has ended, and the seconds of processor time so far.
state() {
  awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print $1, int(($12 + $13) / ticks) }' "/proc/$1/stat" 2> /dev/null
}

# fuzz NAME LONGEST_INPUT
fuzz() {
  local name=$1 log=$build/findings/$1.log words=tests/fuzz/dictionaries/${1%%_*} flags=("${limits[@]}") ended=0
  local started=$SECONDS executions finding=none learned=$build/corpus/$name pid letter now used=0
  local starts=(tests/fuzz/corpus/"$name")
  if [ "$seconds" = 0 ]; then
    learned=$TMPDIR/learned-$name
    flags+=(-seed=1 -runs=1000)
  else
    flags+=(-use_value_profile=1)
  fi
  [ ! -e "$words" ] || flags+=(-dict="$words")
  [ ! -e "tests/fuzz/findings/$name" ] || starts+=("tests/fuzz/findings/$name")
  mkdir -p "$learned" $build/findings
  $build/netwright_fuzz --target="$name" "${flags[@]}" -max_len="$2" -print_final_stats=1 \
    -artifact_prefix="$build/findings/$name-" "$learned" "${starts[@]}" > "$log" 2>&1 &
  pid=$!
  while read -r letter now < <(state $pid) && [ "$letter" != Z ]; do
    used=$now
    # libFuzzer's sign to end with its statistics. Its own clock would count the time in which others had the processor.
    [ "$seconds" = 0 ] || [ "$used" -lt "$seconds" ] || kill -USR1 $pid 2> /dev/null || true
    sleep 0.5
  done
  wait $pid || ended=$?
  executions=$(awk '/number_of_executed_units/ { print $2 }' "$log")
  if [ "$ended" != 0 ]; then
    finding="$(grep -a -m 1 -E 'broken promise|what\(\)|^SUMMARY' "$log" || echo "exit status $ended"), see $log"
  fi
  printf 'fuzz: %-20s %9s executions %4d s of processor time %5d s  finding: %s\n' "$name" "${executions:-?}" "$used" \
    $((SECONDS - started)) "$finding"
  [ "$ended" = 0 ] || touch "$TMPDIR/failed"
}

declare -A longest
all=()
while read -r name bytes; do
  longest[$name]=$bytes
  all+=("$name")
done <<< "$($build/fuzz_replay --list)"
[ $# -gt 0 ] || set -- "${all[@]}"
for name; do
  [ -n "${longest[$name]:-}" ] || { echo "fuzz: $name? there are ${all[*]}" >&2; exit 2; }
done
for name; do
  while [ "$(jobs -rp | wc -l)" -ge "$at_a_time" ]; do wait -n; done
  fuzz "$name" "${longest[$name]}" &
done
wait
[ ! -e "$TMPDIR/failed" ]
