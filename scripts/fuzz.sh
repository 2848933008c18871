#!/usr/bin/env bash
# Fuzzes all targets, or those named: scripts/fuzz.sh SECONDS [TARGET...], so long for each. With 0 seconds a target runs
# over its kept corpus and the same thousand changes of it every time.
#
# Prints a line a target: executions, seconds, finding. What it learns stays in build-asan/corpus. An input that shows a
# finding lies in build-asan/findings and makes the exit status 1; once mended it belongs into tests/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}
shift
build=build-asan
# More memory than any small input is worth, in all and in one piece; longer than any takes.
limits=(-rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=20)

[ -e $build/build.ninja ] || cmake --preset asan --log-level=WARNING > /dev/null
cmake --build $build --target netwright_fuzz fuzz_replay

memory=/dev/shm
[ -w $memory ] || memory=/tmp
TMPDIR=$(mktemp -d -p $memory netwright-fuzz-XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# fuzz NAME LONGEST_INPUT
fuzz() {
  local name=$1 log=$build/findings/$1.log words=tests/fuzz/dictionaries/${1%%_*} flags=("${limits[@]}") ended=0
  local started=$SECONDS executions finding=none learned=$build/corpus/$name
  if [ "$seconds" = 0 ]; then
    learned=$TMPDIR/learned-$name
    flags+=(-seed=1 -runs=1000)
  else
    flags+=(-max_total_time="$seconds" -use_value_profile=1)
  fi
  [ ! -e "$words" ] || flags+=(-dict="$words")
  mkdir -p "$learned" $build/findings
  $build/netwright_fuzz --target="$name" "${flags[@]}" -max_len="$2" -print_final_stats=1 \
    -artifact_prefix="$build/findings/$name-" "$learned" "tests/fuzz/corpus/$name" > "$log" 2>&1 || ended=$?
  executions=$(awk '/number_of_executed_units/ { print $2 }' "$log")
  if [ "$ended" != 0 ]; then
    finding="$(grep -m 1 -E 'broken promise|what\(\)|^SUMMARY' "$log" || echo "exit status $ended"), see $log"
  fi
  printf 'fuzz: %-20s %9s executions %5d s  finding: %s\n' "$name" "${executions:-?}" $((SECONDS - started)) "$finding"
  return "$ended"
}

code=0
while read -r name longest; do
  case " $* " in
    "  " | *" $name "*) fuzz "$name" "$longest" || code=1 ;;
  esac
done <<< "$($build/fuzz_replay --list)"
exit $code
