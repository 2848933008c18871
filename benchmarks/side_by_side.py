"""What the comparisons share: peers that are stopped while others work, alternating rounds, the table."""
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
SETTLE_SECONDS = 0.5  # until the threads of the process before have stopped spinning


def peers_python():
    python = os.environ.get("NETWRIGHT_PEERS_PYTHON", str(ROOT / ".venv-peers/bin/python"))
    if not os.path.exists(python):
        sys.exit(f"{python} is missing; benchmarks/setup_peers.sh makes it, or set NETWRIGHT_PEERS_PYTHON")
    return python


def pinned(cores):
    """For Popen: keeps the process on the first so many of our processors; None leaves it alone."""
    if cores is None:
        return None
    chosen = sorted(os.sched_getaffinity(0))[-cores:]
    return lambda: os.sched_setaffinity(0, chosen)


class Peer:
    """A Python program beside us that answers "K" with a line of JSON, {"seconds": ...} for K steps; at its start it
    says what it is, {"peer": ...}. Stopped while it has nothing to do."""

    def __init__(self, name, script, arguments, environment=None, cores=None):
        self.name = name
        self.process = subprocess.Popen([peers_python(), str(HERE / script), *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})},
                                        preexec_fn=pinned(cores))
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
    """`netwright bench ... --json`, a new process each round."""

    def __init__(self, name, program, arguments, options, cores=None):
        self.name = name
        self.cores = cores
        self.command = [program, "bench", *arguments, f"--batch={options.batch}", "--rounds=1",
                        f"--steps={options.steps}", f"--warmup={max(options.warmup, 1)}", "--json"]
        self.about = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def round(self, options):
        done = subprocess.run(self.command, stdout=subprocess.PIPE, text=True, check=False,
                              preexec_fn=pinned(self.cores))
        if done.returncode != 0:
            sys.exit(f"{' '.join(self.command)} ended with code {done.returncode}")
        result = json.loads(done.stdout)
        self.about = f"netwright, {result['device']}"
        return result["images_per_second"]["best"]

    def close(self):
        pass


def alternate(what, runners, options):
    """Images a second of each runner, a list of rounds. Each round begins with another runner, so that no one always
    follows the same."""
    rates = {runner.name: [] for runner in runners}
    try:
        for number in range(options.rounds):
            first = number % len(runners)
            for runner in runners[first:] + runners[:first]:
                time.sleep(SETTLE_SECONDS)
                rates[runner.name].append(runner.round(options))
            latest = ", ".join(f"{name} {values[-1]:.2f}" for name, values in rates.items())
            print(f"{what} round {number + 1} of {options.rounds}: {latest} images/s", file=sys.stderr)
    finally:
        for runner in runners:
            runner.close()
    return rates


def print_table(rates, about, ours):
    """'rounds' is the median of each round's own ratio."""
    own = rates[ours]
    width = max(map(len, rates)) + 2
    print(f"{'':<{width}}{'best':>9}{'median':>9}   {ours} is  {'best':>6}{'median':>8}{'rounds':>8}")
    for name, values in rates.items():
        best, median = max(own) / max(values), statistics.median(own) / statistics.median(values)
        by_round = statistics.median(a / b for a, b in zip(own, values))
        print(f"{name:<{width}}{max(values):>9.2f}{statistics.median(values):>9.2f}{'':>{len(ours) + 8}}"
              f"{best:>5.2f}x{median:>7.2f}x{by_round:>7.2f}x   {about[name]}")


def print_load():
    print(f"\nload average at the end {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; 'rounds' is the median of "
          "each round's own ratio")
