"""Run this folder's program in lava-nc, and compare every spike, u and v with what they must be.

    python run_lava.py                                   the samples in golden.npz; prints "equal" or where it differs
    python run_lava.py --input X.npz --output TRACE.npz   your own: array 'spikes' (B, T, *input shape), integers
    python run_lava.py --hardware                        on Loihi 2, where Intel's runtime is installed

Needs lava-nc 0.10 (Python 3.10 to 3.13) and numpy. Exit code: 0 equal, 1 not equal, 2 it did not run.
"""

import sys
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # this folder stays as it was exported

from replay import load, parser, replay  # noqa: E402

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Do what the command line says."""
    options = parser(__doc__)
    options.add_argument("--hardware", action="store_true", help="use Loihi2HwCfg")
    args = options.parse_args()

    def run(plan: dict[str, Any], raster: Any, scratch: Path) -> dict[str, Any]:
        import lava_graph

        result: dict[str, Any] = lava_graph.run_graph(
            plan, load(HERE / "arrays.npz"), raster, scratch, hardware=args.hardware
        )
        return result

    code: int = replay(HERE, args, run)
    return code


if __name__ == "__main__":
    sys.exit(main())
