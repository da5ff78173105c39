"""How fast networks run: this project's engines beside other simulators, and how they scale.

python benchmarks/speed.py                              everything, into benchmarks/results/speed.{json,md,png}
python benchmarks/speed.py --only small,threads         these parts; the others stay as they are in the JSON
python benchmarks/speed.py --quick --json FILE          the reference network in under a minute
python benchmarks/speed.py --install sinabs             makes the environment of a peer

docs/speed.md says what is measured and how.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from results import ended, into_page, write
from timing import quick
from timing.contestants import PEERS, install
from timing.parts import PARTS, measure_part
from timing.report import plot, table

from sim.files import check_output, make_folder

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    arguments = _arguments()
    if arguments.install is not None:
        for name in arguments.install:
            install(PEERS[name])
    elif arguments.quick:
        if arguments.json is not None:
            check_output(arguments.json)
        found = quick.measure()
        text = json.dumps(found, indent=1) + "\n"
        if arguments.json is None:
            print(text, end="")
        else:
            write(arguments.json, text)
            print(f"{_in_short(found)}; wrote {arguments.json}")
    else:
        _full(arguments)
    return 0


def _in_short(found: dict[str, Any]) -> str:
    """Return the four figures of ``--quick`` in a line."""
    net = found["reference_net"]

    def times(name: str) -> str:
        return "not measured" if net[name] is None else f"{net[name]:.1f}x"

    return (
        f"{net['samples_per_s']:,.0f} samples/s, {net['add_peak_fraction']:.0%} of the add peak, "
        f"Norse {times('vs_norse_best_batch')}, Lava {times('vs_lava_best')}"
    )


def _full(arguments: argparse.Namespace) -> None:
    folder = make_folder(arguments.output)
    path = folder / "speed.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"schema": quick.SCHEMA, "parts": {}}
    for name in arguments.only if arguments.only is not None else PARTS:
        results["parts"][name] = part = measure_part(name)
        write(path, json.dumps(results, indent=1) + "\n")
        print(f"{name}: {part['seconds']:.0f} s", flush=True)
    text = table(results["parts"])
    write(folder / "speed.md", text)
    plot(results["parts"], folder / "speed.png")
    print(text)
    if arguments.page:
        into_page("speed.py", text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the reference network, Norse and Lava")
    parser.add_argument("--json", type=Path, help="where --quick writes what it measured (default: to the terminal)")
    parser.add_argument("-o", "--output", default=RESULTS, help="folder of the results")
    parser.add_argument("--only", type=_names_of(PARTS), metavar="PART,...", help=f"any of: {', '.join(PARTS)}")
    parser.add_argument("--page", action="store_true", help="put the table between its marks in docs/results.md")
    parser.add_argument("--install", type=_names_of(PEERS), metavar="PEER,...", help="make their environments, and end")
    return parser.parse_args()


def _names_of(known: dict[str, Any]) -> Any:
    """Return what reads a list of names and refuses one that is not known."""

    def names(text: str) -> list[str]:
        for name in text.split(",") if text else []:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is unknown; use any of: {', '.join(known)}")
        return text.split(",") if text else []

    return names


if __name__ == "__main__":
    sys.exit(ended(main))
