#!/usr/bin/env bash
# clang-format and clang-tidy over our sources; with --fix only the layout, mended in place. clang can't compile libtorch's
# headers as C++20, so clang-tidy leaves out the folder that includes them.
set -euo pipefail
cd "$(dirname "$0")/.."
folders=(src tests)
[ ! -d benchmarks ] || folders+=(benchmarks)
layout() { find "${folders[@]}" \( -name '*.cc' -o -name '*.h' \) -print0 | xargs -0 clang-format "$@"; }

if [ "${1:-}" = --fix ]; then
  layout -i
  exit 0
fi
code=0
layout --dry-run -Werror || { code=1; echo "lint: \`make format\` mends the layout" >&2; }

# Generated headers must exist before anything that includes them can be read.
cmake --build build --target netwright_formats > /dev/null
find src tests -name '*.cc' ! -path 'src/backends/torch/*' -print0 |
  xargs -0 -P "$(nproc)" -n 4 clang-tidy -p build --quiet --warnings-as-errors='*' \
  2> >(grep -vE '^[0-9]+ warnings? |^Suppressed |^Use -' >&2) || code=1
if [ "$code" = 0 ]; then echo "lint: clean"; else echo "lint: FAILED" >&2; fi
exit "$code"
