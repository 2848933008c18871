#!/usr/bin/env bash
# The tests that need no libtorch under AddressSanitizer with UndefinedBehaviorSanitizer, then those of threads and of the
# data pipeline under ThreadSanitizer: scripts/sanitize.sh [address] [thread], both if none is named.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- address thread

# check FOLDER SANITIZERS TESTS TARGETS...
check() {
  local build=$1 sanitizers=$2 tests=$3
  shift 3
  [ -e "$build/build.ninja" ] || cmake -S . -B "$build" -G Ninja --log-level=WARNING -DNETWRIGHT_TORCH=OFF \
    -DNETWRIGHT_SANITIZE="$sanitizers" > /dev/null
  cmake --build "$build" --target "$@"
  ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" -LE interop -R "$tests" < /dev/null
}

for sanitizer in "$@"; do
  case $sanitizer in
    address) check build-asan address,undefined '' all ;;
    thread) check build-tsan thread '^(core|data)\.' test_core test_data ;;
    *) echo "sanitize: $sanitizer? address and thread are known" >&2; exit 2 ;;
  esac
done
echo "make sanitize: clean"
