#!/usr/bin/env bash
# Makes .venv-peers, the virtual environment with the programs that the comparisons run. Any local build of torch serves.
# timm and torchvision come without what they depend on: a CPU build of torch doesn't satisfy torchvision's wheel, and
# timm's networks call none of its compiled operators (timm_peer.py).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-peers
cmp -s benchmarks/requirements-peers.txt "$venv/installed.txt" && exit 0
rm -rf "$venv"
python3 -m venv "$venv"
pip=("$venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" -r benchmarks/requirements-peers.txt
"${pip[@]}" --no-deps timm==1.0.31 torchvision==0.28.0
cp benchmarks/requirements-peers.txt "$venv/installed.txt"
