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
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 33), "MALLOC_TRIM_THRESHOLD_": str(1 << 35)}
SETTLE_SECONDS = 0.5  # until the threads of the process before have stopped spinning


class Timm:
    """A timm_peer.py that is stopped while it has nothing to do."""

    def __init__(self, name, model, options, environment):
        self.name = name
        command = [peers_python(), str(HERE / "timm_peer.py"), model, f"--batch={options.batch}",
                   f"--size={options.image_size}", f"--threads={options.threads}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})
        self.about = self.answer()["peer"]
        self.pause()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with code {self.process.wait()}")
        return json.loads(line)

    def ask(self, steps):
        print(steps, file=self.process.stdin, flush=True)
        return self.answer()["seconds"]

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def round(self, options):
        self.process.send_signal(signal.SIGCONT)
        if options.warmup:
            self.ask(options.warmup)
        seconds = self.ask(options.steps)
        self.pause()
        return options.batch * options.steps / seconds

    def close(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


class Netwright:
    """A new process each round."""

    name = "netwright"

    def __init__(self, model, options):
        self.command = [options.netwright, "bench", "train", model, f"--batch={options.batch}",
                        f"--image_size={options.image_size}", f"--threads={options.threads}", "--rounds=1",
                        f"--steps={options.steps}", f"--warmup={max(options.warmup, 1)}", "--json"]
        self.about = subprocess.run([options.netwright, "--version"], capture_output=True, text=True,
                                    check=True).stdout.strip()

    def round(self, options):
        done = subprocess.run(self.command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(self.command)} ended with code {done.returncode}")
        result = json.loads(done.stdout)
        self.about = f"netwright, {result['device']}"
        return result["images_per_second"]["best"]

    def close(self):
        pass


def peers_python():
    python = os.environ.get("NETWRIGHT_PEERS_PYTHON", str(ROOT / ".venv-peers/bin/python"))
    if not os.path.exists(python):
        sys.exit(f"{python} is missing; benchmarks/setup_peers.sh makes it, or set NETWRIGHT_PEERS_PYTHON")
    return python


def compare(model, options):
    runners = [Netwright(model, options), Timm("timm", model, options, {}),
               Timm("timm, memory kept", model, options, KEEP_MEMORY)]
    rates = {runner.name: [] for runner in runners}
    try:
        for number in range(options.rounds):
            # Each round begins with another one, so that no one always follows the same.
            for runner in runners[number % 3:] + runners[:number % 3]:
                time.sleep(SETTLE_SECONDS)
                rates[runner.name].append(runner.round(options))
            latest = ", ".join(f"{name} {values[-1]:.2f}" for name, values in rates.items())
            print(f"{model} round {number + 1} of {options.rounds}: {latest} images/s", file=sys.stderr)
    finally:
        for runner in runners:
            runner.close()
    return {"model": model, "batch": options.batch, "image_size": options.image_size, "threads": options.threads,
            "steps_a_round": options.steps, "about": {r.name: r.about for r in runners}, "images_per_second": rates}


def report(result):
    rates = result["images_per_second"]
    ours = rates["netwright"]
    print(f"\n{result['model']}, batch {result['batch']} at {result['image_size']}, fp32, {result['threads']} threads; "
          f"{len(ours)} rounds of {result['steps_a_round']} steps; images/s")
    print(f"{'':<20}{'best':>8}{'median':>8}   netwright is  {'best':>6}{'median':>8}{'rounds':>8}")
    for name, values in rates.items():
        best, median = max(ours) / max(values), statistics.median(ours) / statistics.median(values)
        by_round = statistics.median(a / b for a, b in zip(ours, values))
        print(f"{name:<20}{max(values):>8.2f}{statistics.median(values):>8.2f}{'':>17}"
              f"{best:>5.2f}x{median:>7.2f}x{by_round:>7.2f}x   {result['about'][name]}")


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
    load = os.getloadavg()[0]
    for result in results:
        report(result)
    print(f"\nload average at the end {load:.1f} on {os.cpu_count()} cores; 'rounds' is the median of each round's own ratio")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
