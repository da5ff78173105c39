"""Run this folder's program in lava-nc, and compare every spike, u and v with what they must be.

    python run_lava.py                                   the samples in golden.npz; prints "equal" or where it differs
    python run_lava.py --input X.npz --output TRACE.npz   your own: array 'spikes' (B, T, *input shape), integers
    python run_lava.py --hardware                        on Loihi 2, where Intel's runtime is installed

Needs lava-nc 0.10 (Python 3.10 to 3.13) and numpy. Exit code: 0 equal, 1 not equal, 2 it did not run.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.dont_write_bytecode = True  # this folder stays as it was exported
HERE = Path(__file__).resolve().parent
Arrays = dict[str, Any]


def main() -> int:
    """Run, compare or write, and say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, metavar="X.npz", help="samples of your own in place of golden.npz")
    parser.add_argument("--output", type=Path, metavar="TRACE.npz", help="write what was recorded")
    parser.add_argument("--hardware", action="store_true", help="use Loihi2HwCfg")
    args = parser.parse_args()
    plan = json.loads((HERE / "plan.json").read_text(encoding="utf-8"))
    golden = _load(HERE / "golden.npz")
    raster = golden["input"] if args.input is None else _checked(_load(args.input), plan)
    print(f"program {plan['digest'][:12]}, {raster.shape[0]} samples of {raster.shape[1]} steps")
    for loss in plan["losses"]:
        print(f"loss: {loss}")
    result = _run(plan, raster, hardware=args.hardware)
    if args.output is not None:
        np.savez(args.output, digest=np.array(plan["digest"]), **result)
        print(f"wrote {args.output}")
    return 0 if args.input is not None else _compare(plan, golden, result)


def _load(path: Path) -> Arrays:
    with np.load(path) as stored:
        return dict(stored)


def _checked(given: Arrays, plan: dict[str, Any]) -> Any:
    """Return the raster if it is one that this program reads."""
    described, raster = plan["input"], given.get("spikes")
    if raster is None or not np.issubdtype(raster.dtype, np.integer) or list(raster.shape[2:]) != described["shape"]:
        sys.exit(f"--input: expected an array 'spikes' of integers (B, T, *{tuple(described['shape'])})")
    if raster.size == 0 or raster.min() < described["lo"] or raster.max() > described["hi"]:
        sys.exit(f"--input: expected messages in {described['lo']}..{described['hi']}")
    return raster


def _run(plan: dict[str, Any], raster: Any, *, hardware: bool) -> Arrays:
    """Run the process graph; whatever happens, leave no process behind."""
    import lava_graph

    try:
        with tempfile.TemporaryDirectory() as scratch:
            arrays = _load(HERE / "arrays.npz")
            result: Arrays = lava_graph.run_graph(plan, arrays, raster, Path(scratch), hardware=hardware)
            return result
    except lava_graph.GraphError as error:
        print(f"Lava failed:\n{error}", file=sys.stderr)
        raise SystemExit(2) from None
    finally:
        for child in multiprocessing.active_children():
            child.kill()


def _compare(plan: dict[str, Any], golden: Arrays, result: Arrays) -> int:
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


if __name__ == "__main__":
    sys.exit(main())
