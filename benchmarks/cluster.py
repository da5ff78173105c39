"""Many settings on many processes, and many samples in little memory: the same answers, and what they cost.

    python benchmarks/cluster.py [--settings 200] [--samples 100000] [--no-clock] [--only study|memory|formula|cluster]

study     a study on one process, and on four of which two are killed: equal tables, and how much sooner
cluster   the same study on four workers of a local Dask cluster of which two are killed
memory    peak memory of `snn2hw run` on 10^3 samples and on 100 times as many, from a folder of files
formula   bytes that are sent for a chunk, and per-sample memory, as docs/cluster.md writes them down and as measured

``--no-clock``: say nothing of time, on a machine that others use too.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import results

from exporters.program_file import write_program
from sim.cores import cores_here
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.chunks.chunked_run import Asked
from snn2hw.cluster.chunk_messages import run_request
from snn2hw.cluster.message import pack
from snn2hw.files.rasters import write_raster

RESULTS = Path(__file__).parent / "results"
KILLED = 2
STUDY = """schema = "snn2hw.study/1"
title = "shares"
run.inputs = ["p.nir", "x.npz"]
run.commands = [
  "energy p.nir --input x.npz --engine reference --samples {{samples}} --confidence {{confidence}}",
]
measure.rate = "energy.spikes_per_synapse.mean"
measure.low = "energy.spikes_per_synapse.ci_low"
settings.samples = {{ low = {low}, high = {high} }}
settings.confidence = [0.5, 0.8, 0.9, 0.95]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=int, default=200)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--work", type=int, default=400, help="samples of the smallest setting")
    parser.add_argument("--no-clock", action="store_true")
    parser.add_argument("--only", choices=tuple(PARTS))
    args = parser.parse_args()
    path = RESULTS / "cluster.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [args.only] if args.only else PARTS:
            found[name] = PARTS[name](Path(folder), args)
            print(name, json.dumps(found[name], indent=1), flush=True)
            path.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def network(inputs: int, hidden: int, seed: int = 0) -> Program:
    rng = np.random.default_rng(seed)
    first = Population(
        "hidden", (hidden,), (Connection("input", Dense(rng.integers(-9, 10, (hidden, inputs)))),), vth=20, dv=200
    )
    out = Population("out", (10,), (Connection("hidden", Dense(rng.integers(-9, 10, (10, hidden)))),), fires=False)
    return Program(Input((inputs,)), (first, out))


def study(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """One process undisturbed; then four, two of which are killed."""
    _write_study(folder, args)
    began = time.monotonic()
    _sweep(folder, "one", "--processes", "1")
    alone = time.monotonic() - began
    killer = _Killer(lambda: _children("answering.py"))
    began = time.monotonic()
    with killer:
        _sweep(folder, "four", "--processes", "4")
    four = time.monotonic() - began
    return _compared(folder, "four", args, killed=killer.killed, alone=alone, many=four)


def cluster(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Four workers of a local cluster, two of which are killed."""
    from snn2hw.cluster.local import LocalCluster

    _write_study(folder, args)
    began = time.monotonic()
    if not (folder / "one" / "sweep.json").exists():
        _sweep(folder, "one", "--processes", "1")
    alone = time.monotonic() - began
    with LocalCluster(4) as running:
        began = time.monotonic()
        killer = _Killer(lambda: running.pids, running.tend)
        with killer:
            _sweep(folder, "there", "--scheduler", running.address)
        there = time.monotonic() - began
        return _compared(folder, "there", args, killed=killer.killed, alone=alone, many=there)


def _write_study(folder: Path, args: argparse.Namespace) -> None:
    program = network(256, 512)
    write_program(program, folder / "p.nir")
    rng = np.random.default_rng(1)
    spikes = (rng.random((args.work + args.settings // 4, 64, 256)) < 0.2).astype(np.uint8)
    write_raster(folder / "x.npz", spikes, rng.integers(0, 10, len(spikes)))
    (folder / "study.toml").write_text(STUDY.format(low=args.work, high=args.work + args.settings // 4 - 1))


def _sweep(folder: Path, name: str, *more: str) -> None:
    command = [sys.executable, "-m", "snn2hw", "sweep", "study.toml", "-o", name, "--no-pictures", *more]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _compared(
    folder: Path, name: str, args: argparse.Namespace, *, killed: list[int], alone: float, many: float
) -> dict[str, Any]:
    files = ("sweep.json", "table.csv", "table.md")
    same = all((folder / "one" / file).read_bytes() == (folder / name / file).read_bytes() for file in files)
    rows = json.loads((folder / name / "sweep.json").read_text())["rows"]
    assert same, f"the table of {name} is another one"
    assert len(killed) == KILLED
    said: dict[str, Any] = {"settings": len(rows), "killed": len(killed), "same_table": same}
    return said if args.no_clock else {**said, "cores": cores_here(), "sooner": round(alone / many, 2)}


class _Killer:
    """Kills the first of some processes, twice, while the block runs."""

    def __init__(self, pids: Callable[[], list[int]], tend: Callable[[], object] = lambda: None) -> None:
        self._pids, self._tend, self._over, self.killed = pids, tend, threading.Event(), list[int]()

    def __enter__(self) -> "_Killer":
        self._thread = threading.Thread(target=self._kill)
        self._thread.start()
        return self

    def _kill(self) -> None:
        while not self._over.wait(4.0):
            self._tend()
            fresh = [pid for pid in self._pids() if pid not in self.killed]
            if len(self.killed) < KILLED and fresh:
                os.kill(fresh[0], signal.SIGKILL)
                self.killed.append(fresh[0])

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _children(script: str) -> list[int]:
    """Return our grandchildren that run a script; the guards of workers, which fork from them, are none."""
    mine = {os.getpid()}
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            found[int(stat.parent.name)] = (parent, (stat.parent / "cmdline").read_bytes().decode(errors="replace"))
        except (OSError, IndexError):
            continue
    sweeps = {pid for pid, (parent, words) in found.items() if parent in mine and "sweep" in words}
    return sorted(pid for pid, (parent, words) in found.items() if parent in sweeps and script in words)


def memory(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of a run of few samples and of many, in processes of their own."""
    program = network(64, 32)
    write_program(program, folder / "small.nir")
    rng = np.random.default_rng(2)
    spikes = (rng.random((1000, 16, 64)) < 0.2).astype(np.uint8)
    labels = rng.integers(0, 10, 1000)
    said: dict[str, Any] = {}
    counts = (1000, args.samples)
    for count in counts:
        many = folder / f"samples-{count}"
        many.mkdir()
        for part in range(count // 1000):
            write_raster(many / f"{part:06}.npz", spikes, labels)
    for verb in ("run", "energy", "verify"):
        said[verb] = {}
        for count in counts:
            words = [verb, "small.nir", "--input", f"samples-{count}", "--chunk", "500"]
            words += ["--against", "fast"] if verb == "verify" else ["--engine", "fast"]
            said[verb][str(count)] = _peak_mib(folder, words)
        few, full = (said[verb][str(count)] for count in counts)
        said[verb]["grown_bytes_per_sample"] = round((full - few) * 2**20 / (counts[1] - counts[0]), 1)
    return said


def _peak_mib(folder: Path, words: list[str]) -> float:
    code = (
        "import resource, sys; from snn2hw.commands import main; code = main(sys.argv[1:]);"
        "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=True)
    status, peak = done.stderr.split()[-2:]
    assert status == "0", done.stderr
    return round(int(peak) / 1024, 1)


def formula(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Bytes of a request at two sizes: messages x samples x steps, and a head."""
    said: dict[str, Any] = {}
    for inputs, steps, samples in ((64, 16, 100), (1024, 48, 20)):
        spikes = np.zeros((samples, steps, inputs), np.uint8)
        measured = len(pack(run_request(0, spikes, Asked(decoder="max"))))
        said[f"{inputs} inputs, {steps} steps, {samples} samples"] = {
            "formula": samples * steps * inputs,
            "measured": measured,
            "share": round(measured / (samples * steps * inputs), 4),
        }
    return said


PARTS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "formula": formula,
    "memory": memory,
    "study": study,
    "cluster": cluster,
}

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(results.ended(main))
