"""Read this folder's network.net with lava-dl's NetX, run it, and compare every spike, u and v with what they must be.

    python run_netx.py                                   the samples in golden.npz; prints "equal" or where it differs
    python run_netx.py --input X.npz --output TRACE.npz   your own: array 'spikes' (B, T, *input shape), integers

Needs lava-nc 0.10, lava-dl 0.6, h5py and numpy (Python 3.10 to 3.13), no torch. netx_graph.py shows the options with
which the file must be read: `reset_interval`, the steps of a sample, where samples follow one another or a neuron has a
bias; `input_message_bits`, where messages are more than 0 and 1. Exit code: 0 equal, 1 not equal, 2 it did not run.
"""

import sys
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # this folder stays as it was exported

from replay import parser, replay  # noqa: E402

HERE = Path(__file__).resolve().parent


def run(plan: dict[str, Any], raster: Any, scratch: Path) -> dict[str, Any]:
    """Run (B, T, *input shape)."""
    import netx_graph

    result: dict[str, Any] = netx_graph.run_network(plan, HERE / "network.net", raster, scratch)
    return result


if __name__ == "__main__":
    sys.exit(replay(HERE, parser(__doc__).parse_args(), run))
