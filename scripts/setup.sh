#!/usr/bin/env bash
# Makes this machine ready; what is ready already takes no time.
#
#   scripts/setup.sh build   Debian packages, libtorch, a configured build/
#   scripts/setup.sh test    the same, and the programs that read our files in tests (TensorFlow, TensorBoard, safetensors,
#                            timm with libtorch's own Python)
#   scripts/setup.sh lint    the same as build, and clang's tools
#   scripts/setup.sh sanitize   Debian packages alone, with clang and its sanitizers, for builds without libtorch
#
# libtorch comes from LIBTORCH (a folder with include/ and lib/), else from a virtual environment with PyTorch's wheel;
# its CPU and CUDA builds serve alike.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-build}

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo > /dev/null; then sudo "$@"
  else die "installing packages needs root or sudo: $*"
  fi
}

# Only where there is Debian's package manager; elsewhere CMake names what is missing.
install_packages() {
  command -v dpkg-query > /dev/null || return 0
  local wanted missing
  wanted=$(awk -v what="$what" '$1 == "build" || $1 == what { print $2 }' scripts/packages.txt)
  # shellcheck disable=SC2086
  missing=$(comm -23 <(sort <<< "$wanted") \
    <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2> /dev/null | awk '$2 == "installed" { print $1 }' | sort -u))
  [ -n "$missing" ] || return 0
  say "installing $(echo $missing)"
  as_root apt-get update -q < /dev/null
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing < /dev/null
}

# make_venv FOLDER REQUIREMENTS [ALONE]: again when the requirements change; half-made ones are made anew. What ALONE
# lists is installed without what it depends on.
make_venv() {
  cat "${@:2}" | cmp -s - "$1/installed.txt" && return 0
  say "virtual environment $1 with $(cat "${@:2}" | grep -v '^#' | tr '\n' ' ')"
  rm -rf "$1"
  python3 -m venv "$1"
  local pip=("$1/bin/pip" install --quiet --disable-pip-version-check)
  "${pip[@]}" -r "$2" < /dev/null
  [ -z "${3:-}" ] || "${pip[@]}" --no-deps -r "$3" < /dev/null
  cat "${@:2}" > "$1/installed.txt"
}

find_libtorch() {
  if [ -z "${LIBTORCH:-}" ]; then
    make_venv .venv scripts/requirements-torch.txt
    LIBTORCH=$(echo "$PWD"/.venv/lib/python3*/site-packages/torch)
  fi
  [ -e "$LIBTORCH/lib/libtorch_cpu.so" ] || die "no libtorch in LIBTORCH=$LIBTORCH: expected include/ and lib/libtorch_cpu.so"
}

# Ninja reconfigures by itself when CMake's files change; another libtorch needs a new start.
configure() {
  [ -e build/build.ninja ] && [ "$(cat build/libtorch.txt 2> /dev/null)" = "$LIBTORCH" ] && return 0
  say "configuring build/ with libtorch in $LIBTORCH"
  mkdir -p build
  cmake -S . -B build -G Ninja --fresh --log-level=WARNING -DLIBTORCH="$LIBTORCH" -DNETWRIGHT_TORCH=ON \
    > build/configure.log 2>&1 || { cat build/configure.log >&2; die "CMake failed"; }
  echo "$LIBTORCH" > build/libtorch.txt
}

install_packages
[ "$what" != sanitize ] || exit 0
find_libtorch
[ "$what" != test ] || make_venv .venv-interop scripts/requirements-interop.txt scripts/requirements-interop-alone.txt
configure
