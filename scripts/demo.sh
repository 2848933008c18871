#!/usr/bin/env bash
# The main job on real data: Fashion-MNIST's images into TFRecords, a network trained on the 60,000, evaluated on the
# 10,000 test images, and asked for predictions. Started again, it resumes or says that it is done.
#
# DEMO_DIR is where it all lies (demo/ if not set); further arguments go to `netwright train`.
set -euo pipefail
cd "$(dirname "$0")/.."
netwright=build/netwright
demo=${DEMO_DIR:-demo}
idx=/usr/share/datasets/fashion-mnist
model=mnasnet-small
shape=(--classes=10 --image_size=32)

say() { printf '\n== %s\n' "$*"; }

say "images to TFRecords"
# labels.txt is written last.
[ -e "$demo/data/labels.txt" ] || "$netwright" data convert "$idx" "$demo/data"

say "training $model"
"$netwright" train "$model" "${shape[@]}" --data="$demo/data" --model_dir="$demo/run" "$@"

say "evaluating on the test images"
"$netwright" eval "$model" "${shape[@]}" --data="$demo/data" --model_dir="$demo/run"
echo "TensorBoard: .venv-interop/bin/tensorboard --logdir=$demo/run (any TensorBoard will do)"

say "predictions for a few test images"
"$netwright" predict "$model" "${shape[@]}" --model_dir="$demo/run" "$demo"/samples/*.png
