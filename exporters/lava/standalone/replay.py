"""The command line that every exported Lava folder has: run its samples and compare, or run others and write."""

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import numpy as np
except ImportError as error:
    print(f"this folder needs numpy: {error}  fix: pip install numpy", file=sys.stderr)
    sys.exit(2)

__all__ = ["load", "parser", "replay"]

Arrays = dict[str, Any]
Plan = dict[str, Any]
Run = Callable[[Plan, Any, Path], Arrays]
"""What runs a plan on a raster, with a folder for its scratch files."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the options that all folders share."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--input", type=Path, metavar="X.npz", help="samples of your own in place of golden.npz")
    made.add_argument("--output", type=Path, metavar="TRACE.npz", help="write what was recorded")
    return made


def replay(folder: Path, args: argparse.Namespace, run: Run) -> int:
    """Run, compare or write, and say so; return the exit code."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    golden = load(folder / "golden.npz")
    raster = golden["input"] if args.input is None else _checked(load(args.input), plan)
    print(f"program {plan['digest'][:12]}, {raster.shape[0]} samples of {raster.shape[1]} steps")
    for loss in plan["losses"]:
        print(f"loss: {loss}")
    result = _run(plan, raster, run)
    if args.output is not None:
        np.savez(args.output, digest=np.array(plan["digest"]), **result)
        print(f"wrote {args.output}")
    return 0 if args.input is not None else _compare(plan, golden, result)


def load(path: Path) -> Arrays:
    """Return the arrays of a file."""
    with np.load(path) as stored:
        return dict(stored)


def _checked(given: Arrays, plan: Plan) -> Any:
    """Return the raster if it is one that this program reads."""
    described, raster = plan["input"], given.get("spikes")
    if raster is None or not np.issubdtype(raster.dtype, np.integer) or list(raster.shape[2:]) != described["shape"]:
        sys.exit(f"--input: expected an array 'spikes' of integers (B, T, *{tuple(described['shape'])})")
    if raster.size == 0 or raster.min() < described["lo"] or raster.max() > described["hi"]:
        sys.exit(f"--input: expected messages in {described['lo']}..{described['hi']}")
    return raster


def _run(plan: Plan, raster: Any, run: Run) -> Arrays:
    """Run the process graph; whatever happens, leave no process behind."""
    try:
        from lava_graph import GraphError
    except ImportError as error:
        fix = 'see "On the other side" of snn2hw\'s docs/lava.md'
        print(f"this folder needs lava-nc 0.10: {error}  fix: {fix}", file=sys.stderr)
        raise SystemExit(2) from None
    try:
        with tempfile.TemporaryDirectory() as scratch:
            return run(plan, raster, Path(scratch))
    except ImportError as error:
        print(f"this folder needs another package: {error}  fix: install what its run_*.py names", file=sys.stderr)
        raise SystemExit(2) from None
    except GraphError as error:
        print(f"Lava failed:\n{error}", file=sys.stderr)
        raise SystemExit(2) from None
    finally:
        for child in multiprocessing.active_children():
            child.kill()


def _compare(plan: Plan, golden: Arrays, result: Arrays) -> int:
    """Print the first difference of every population."""
    equal = True
    for population in plan["populations"]:
        name = population["name"]
        differences = [d for d in (_difference(golden, result, f"{what}.{name}") for what in ("u", "v", "spikes")) if d]
        equal = equal and not differences
        print(f"population {name!r}: {min(differences)[1] if differences else 'equal'}")
    print("equal" if equal else "NOT equal")
    return 0 if equal else 1


def _difference(golden: Arrays, result: Arrays, key: str) -> tuple[int, str] | None:
    """Return the first step at which a register differs, and the line that says so."""
    places = np.argwhere(golden[key] != result[key])
    if not len(places):
        return None
    sample, step, *neuron = (int(i) for i in places[places[:, 1].argmin()])
    values = int(result[key][(sample, step, *neuron)]), int(golden[key][(sample, step, *neuron)])
    where = f"neuron {tuple(neuron)}, step {step}, sample {sample}"
    return step, f"{where}: {key.partition('.')[0]} is {values[0]}, expected {values[1]}"
