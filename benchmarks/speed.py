"""How fast networks run: this project's engines beside other simulators, and how they scale.

python benchmarks/speed.py                              everything, into benchmarks/results/speed.{json,md,png}
python benchmarks/speed.py --only small,threads         some parts; the others stay as they are in the JSON
python benchmarks/speed.py --quick --json FILE          the reference network in under a minute
python benchmarks/speed.py --install nengo-loihi        makes the environment of a peer

docs/speed.md says what is measured and how.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

import quick
from contestants import PEERS, install

from sim.errors import InputError, Snn2hwError
from sim.files import atomic_write


def main() -> int:
    arguments = _arguments()
    if arguments.install:
        for name in arguments.install.split(","):
            if name not in PEERS:
                raise InputError(f"peer {name!r} is unknown", f"use one of: {', '.join(PEERS)}")
            install(PEERS[name])
    elif arguments.quick:
        _write(arguments.json, quick.measure())
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the reference network, Norse and Lava")
    parser.add_argument("--json", type=Path, help="where --quick writes what it measured (default: to the terminal)")
    parser.add_argument("--install", metavar="PEER,...", help="make the environments of these peers, and end")
    return parser.parse_args()


def _write(path: Path | None, results: dict[str, Any]) -> None:
    text = json.dumps(results, indent=1) + "\n"
    if path is None:
        print(text, end="")
        return
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Snn2hwError as error:
        sys.exit(f"benchmarks/speed.py: {error}")
