#!/usr/bin/env python3
"""Makes the pictures that compare_input.py loads: 500 x 375 JPEGs of about 60 KB, cut from the photographs that
scikit-image's wheel holds.

    make_photographs.py FOLDER          FOLDER/train/PHOTOGRAPH/NNN.jpg

The windows are drawn from a fixed seed. The quality of each file is the one that comes nearest to the wanted size.
"""
import argparse
import importlib.util
import io
import pathlib
import random

from PIL import Image

# Those in colour.
PHOTOGRAPHS = ["astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png",
               "retina.jpg", "rocket.jpg"]


def photograph_folder():
    spec = importlib.util.find_spec("skimage")
    if spec is None:
        raise SystemExit("scikit-image is missing; benchmarks/setup_peers.sh installs it")
    return pathlib.Path(spec.submodule_search_locations[0]) / "data"


def draw_window(photograph, shape, draw):
    """A window of the wanted aspect, between half and the whole of what fits."""
    fitting = min(photograph.width / shape[0], photograph.height / shape[1])
    scale = fitting * draw.uniform(0.5, 1.0)
    width, height = scale * shape[0], scale * shape[1]
    left, top = draw.uniform(0, photograph.width - width), draw.uniform(0, photograph.height - height)
    return photograph.resize(shape, Image.Resampling.LANCZOS, box=(left, top, left + width, top + height))


def encode(picture, quality):
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return target.getvalue()


def encode_near(picture, wanted_bytes):
    low, high = 30, 98
    while low < high:
        middle = (low + high) // 2
        if len(encode(picture, middle)) < wanted_bytes:
            low = middle + 1
        else:
            high = middle
    return min((encode(picture, quality) for quality in (low - 1, low)), key=lambda data: abs(len(data) - wanted_bytes))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--each", type=int, default=32, help="pictures of each photograph")
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--height", type=int, default=375)
    parser.add_argument("--bytes", type=int, default=60000, help="of a file")
    options = parser.parse_args()
    draw = random.Random(0)
    sizes = []
    for name in PHOTOGRAPHS:
        photograph = Image.open(photograph_folder() / name).convert("RGB")
        folder = options.folder / "train" / pathlib.Path(name).stem
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(options.each):
            picture = draw_window(photograph, (options.width, options.height), draw)
            data = encode_near(picture, options.bytes)
            sizes.append(len(data))
            (folder / f"{number:03}.jpg").write_bytes(data)
    print(f"{options.folder}: {len(sizes)} pictures, {sum(sizes) / len(sizes) / 1e3:.1f} KB on average, "
          f"{min(sizes) / 1e3:.1f} to {max(sizes) / 1e3:.1f} KB")


if __name__ == "__main__":
    main()
