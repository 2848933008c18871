#!/usr/bin/env bash
# Runs all tests of build/ and ends with one line that says how it went.
set -euo pipefail
cd "$(dirname "$0")/.."
code=0
ctest --test-dir build --output-on-failure --no-tests=error -j "$(nproc)" < /dev/null || code=$?
if [ "$code" = 0 ]; then
  echo "make test: all tests passed"
else
  echo "make test: FAILED; build/Testing/Temporary/LastTest.log has everything" >&2
fi
exit "$code"
