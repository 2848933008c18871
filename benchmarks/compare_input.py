#!/usr/bin/env python3
"""The input pipeline side by side with torchvision's and tf.data's, in alternating rounds of one run.

    benchmarks/compare_input.py                   makes its pictures in build/input_photographs the first time

500 x 375 JPEGs of about 60 KB, cut from scikit-image's photographs: random-resized crop, bicubic to 224, flip,
normalise, batch 16. One core each: every process is kept on the same one. torchvision and one of ours read a folder of
images, tf.data and the other of ours TFRecords. A last row is ours with two threads on two cores. Only one process
works at a time; the others are stopped. Prints the best and the median of the rounds, and ours over theirs.
"""
import argparse
import json
import pathlib
import subprocess

from side_by_side import HERE, ROOT, Netwright, Peer, alternate, peers_python, print_load, print_table


def make_data(folder, netwright):
    """FOLDER/images by class and FOLDER/records."""
    images, records = folder / "images", folder / "records"
    if not images.exists():
        subprocess.run([peers_python(), str(HERE / "make_photographs.py"), str(images)], check=True)
    if not records.exists():
        subprocess.run([netwright, "data", "convert", str(images), str(records)], check=True)
    return images, records


def compare(options):
    images, records = make_data(options.data, options.netwright)

    def ours(name, data, threads):
        arguments = ["load", options.model, f"--data={data}", f"--data_threads={threads}",
                     f"--image_size={options.image_size}"]
        return Netwright(name, options.netwright, arguments, options, cores=threads)

    def peer(name, library, data):
        arguments = [library, str(data), f"--batch={options.batch}", f"--size={options.image_size}"]
        return Peer(name, "input_peer.py", arguments, {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}, cores=1)

    runners = [ours("netwright", images, 1), ours("netwright, records", records, 1),
               peer("torchvision", "torchvision", images / "train"), peer("tf.data", "tensorflow", records),
               ours("netwright, 2 threads", images, 2)]
    rates = alternate("input", runners, options)
    return {"batch": options.batch, "image_size": options.image_size, "steps_a_round": options.steps,
            "about": {r.name: r.about for r in runners}, "images_per_second": rates}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="efficientnet-b0", help="whose preprocessing ours is")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "build/input_photographs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40, help="batches of a round")
    parser.add_argument("--warmup", type=int, default=5, help="batches before each round")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--netwright", default=str(ROOT / "build/netwright"))
    parser.add_argument("--json", help="write all rounds to this file")
    options = parser.parse_args()
    result = compare(options)
    print(f"\ninput, batch {options.batch} at {options.image_size}; {options.rounds} rounds of {options.steps} batches; "
          "images/s")
    print_table(result["images_per_second"], result["about"], "netwright")
    print_load()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
