#!/usr/bin/env bash
# Wall time of the commands that are to answer in milliseconds: best and median of 21 runs after one that isn't counted.
# NETWRIGHT names another program than build/netwright.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${NETWRIGHT:-build/netwright}
runs=21

milliseconds() { # COMMAND...: one run
  local begin=$EPOCHREALTIME
  "$@" > /dev/null
  local end=$EPOCHREALTIME
  # Both have six digits after the point, whatever the locale calls it.
  echo $((${end//[.,]/} - ${begin//[.,]/})) | awk '{ printf "%.2f\n", $1 / 1000 }'
}

printf '%-28s%10s%12s\n' 'netwright' 'best ms' 'median ms'
for words in "--help" "models" "summary efficientnet-b7" "recipe efficientnet-b0"; do
  read -ra args <<< "$words"
  "$program" "${args[@]}" > /dev/null
  for ((i = 0; i < runs; i++)); do milliseconds "$program" "${args[@]}"; done | sort -n |
    awk -v name="$words" '{ t[NR] = $1 } END { printf "%-28s%10.1f%12.1f\n", name, t[1], t[(NR + 1) / 2] }'
done
