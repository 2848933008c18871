#!/usr/bin/env bash
# The tests that need no libtorch under AddressSanitizer with UndefinedBehaviorSanitizer, then those of threads and of the
# data pipeline under ThreadSanitizer: scripts/sanitize.sh [asan] [tsan], both if none is named.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- asan tsan

# check PRESET TESTS TARGETS...: CMakePresets.json has the presets.
check() {
  local build=build-$1 tests=$2
  [ -e "$build/build.ninja" ] || cmake --preset "$1" --log-level=WARNING > /dev/null
  shift 2
  cmake --build "$build" --target "$@"
  ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" -LE interop -R "$tests" < /dev/null
}

for sanitizer in "$@"; do
  case $sanitizer in
    asan) check asan . all ;;
    tsan) check tsan '^(core|data)\.' test_core test_data ;;
    *) echo "sanitize: $sanitizer? asan and tsan are known" >&2; exit 2 ;;
  esac
done
echo "make sanitize: clean"
