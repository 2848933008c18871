#!/usr/bin/env python3
"""Training steps side by side with timm, in alternating rounds of one run.

    benchmarks/compare_training.py                        efficientnet-b0 and mnasnet-a1, batch 16 at 224, 2 threads
    benchmarks/compare_training.py mnasnet-a1 --rounds=9

timm is measured twice: as it comes, and with malloc's thresholds raised, so that freed memory is kept instead of given
back to the kernel and zeroed again. Only one process works at a time; the others are stopped. Prints the best and the
median of the rounds, and ours over theirs.
"""
import argparse
import json
import pathlib

from side_by_side import ROOT, Netwright, Peer, alternate, print_load, print_table

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 33), "MALLOC_TRIM_THRESHOLD_": str(1 << 35)}


def compare(model, options):
    size, threads = f"--image_size={options.image_size}", f"--threads={options.threads}"
    peer = [model, f"--batch={options.batch}", f"--size={options.image_size}", threads]
    runners = [Netwright("netwright", options.netwright, ["train", model, size, threads], options),
               Peer("timm", "timm_peer.py", peer),
               Peer("timm, memory kept", "timm_peer.py", peer, KEEP_MEMORY)]
    rates = alternate(model, runners, options)
    return {"model": model, "batch": options.batch, "image_size": options.image_size, "threads": options.threads,
            "steps_a_round": options.steps, "about": {r.name: r.about for r in runners}, "images_per_second": rates}


def report(result):
    rates = result["images_per_second"]
    print(f"\n{result['model']}, batch {result['batch']} at {result['image_size']}, fp32, {result['threads']} threads; "
          f"{len(rates['netwright'])} rounds of {result['steps_a_round']} steps; images/s")
    print_table(rates, result["about"], "netwright")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["efficientnet-b0", "mnasnet-a1"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="of a round")
    parser.add_argument("--warmup", type=int, default=2, help="steps before each round")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--netwright", default=str(ROOT / "build/netwright"))
    parser.add_argument("--json", help="write all rounds to this file")
    options = parser.parse_args()
    results = [compare(model, options) for model in options.models]
    for result in results:
        report(result)
    print_load()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
