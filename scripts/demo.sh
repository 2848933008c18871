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
classes="T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"

# A narrow network on upscaled images: at 28 x 28 a stride of 32 would leave nothing to look at. A short run wants a
# short warm-up, averages that follow fast, and no regularisation to speak of.
model=(efficientnet-edgetpu-S --width_coefficient=0.35 --depth_coefficient=0.3 --classes=10 --image_size=48)
recipe=(--batch=128 --epochs=3.5 --base_learning_rate=0.03 --lr_schedule=cosine --lr_warmup_epochs=0.3
  --moving_average_decay=0.99 --label_smoothing=0 --dropout_rate=0 --train_crop=none --shift=1 --eval_crop=none
  --resize=bilinear)

say() { printf '\n== %s\n' "$*"; }

say "images to TFRecords"
# labels.txt is written last.
[ -e "$demo/data/labels.txt" ] || "$netwright" data convert "$idx" "$demo/data" --class_names="$classes"

say "training ${model[0]}"
"$netwright" train "${model[@]}" "${recipe[@]}" --data="$demo/data" --model_dir="$demo/run" --checkpoint_minutes=1 "$@"

say "evaluating on the test images"
"$netwright" eval --data="$demo/data" --model_dir="$demo/run"
echo "TensorBoard: tensorboard --logdir=$demo/run (pip install tensorboard)"

say "predictions for a few test images"
python3 scripts/idx_to_png.py "$idx/t10k-images-idx3-ubyte.gz" "$idx/t10k-labels-idx1-ubyte.gz" "$demo/samples" \
  0 1 2 3 4
"$netwright" predict --model_dir="$demo/run" "$demo"/samples/*.png
