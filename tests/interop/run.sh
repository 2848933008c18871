#!/bin/sh
# run.sh PYTHON SCRIPT ARGUMENT...: runs the script. Without such an interpreter the test is skipped (exit code 77), but
# fails where CI=true: there it must run.
python="${NETWRIGHT_INTEROP_PYTHON:-$1}"
shift
if [ ! -x "$python" ]; then
  echo "SKIPPED: no Python with TensorFlow at $python (set NETWRIGHT_INTEROP_PYTHON)"
  [ "$CI" = true ] && exit 1
  exit 77
fi
exec "$python" "$@"
