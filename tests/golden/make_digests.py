"""Keep what snn2hw does today: python -m tests.golden.make_digests [--overwrite]

Writes digests.json, floats.npz, programs/*.nir and checkpoint.pt beside itself. What stands there is what earlier
versions did, and users have files and digests of theirs; overwriting it says that a change of all these is meant.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")  # Norse uses what torch has deprecated

import snn2hw as sw  # noqa: E402
from tests.golden.kept import DIGESTS, FLOAT_ARRAYS, FLOATS, PROGRAM_FILES, PROGRAMS, SECTIONS  # noqa: E402
from tests.golden.machine import machine  # noqa: E402
from tests.golden.measure import compiled_of, float_arrays  # noqa: E402
from tests.golden.sources import CHECKPOINT, write_checkpoint  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Write all files, or refuse where there are some."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--overwrite", action="store_true", help="replace what earlier versions did")
    asked = parser.parse_args(arguments)
    files = [DIGESTS, FLOAT_ARRAYS, CHECKPOINT, *(PROGRAM_FILES / f"{name}.nir" for name in PROGRAMS)]
    standing = [path.name for path in files if path.exists()]
    if standing and not asked.overwrite:
        print(f"kept already: {', '.join(standing)}; give --overwrite where every change is meant", file=sys.stderr)
        return 2
    if not CHECKPOINT.exists():  # one that was written by an earlier version must stay readable
        write_checkpoint(CHECKPOINT)
    PROGRAM_FILES.mkdir(exist_ok=True)
    for name, pair in PROGRAMS.items():
        compiled = compiled_of(pair)
        attached = {"certificate": compiled.certificate.to_json()}
        sw.write_program(compiled.program, PROGRAM_FILES / f"{name}.nir", attachments=attached)
    np.savez_compressed(FLOAT_ARRAYS, **{key: array for name in FLOATS for key, array in float_arrays(name).items()})
    _write_digests(DIGESTS)
    return 0


def _write_digests(path: Path) -> None:
    """Write one line per case, so that a difference shows which."""
    sections = []
    for section, cases in SECTIONS.items():
        lines = (f"  {json.dumps(name)}: {json.dumps(find(), ensure_ascii=False)}" for name, find in cases.items())
        sections.append(f' "{section}": {{\n' + ",\n".join(lines) + "\n }")
    made_on = f' "made on": {json.dumps(machine())}'
    path.write_text("{\n" + ",\n".join([made_on, *sections]) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
