"""Damage a program file in many ways and read it: ``python -m tests.exporters.fuzz SEED COUNT``.

Prints how often the damage was found and how often it met bytes that mean nothing; anything else is a traceback.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from exporters.program_file import read_program_file, write_program
from sim.errors import FileError
from sim.program import Connection, Dense, Input, Population, Program
from tests.exporters.small import small_program
from tests.programs import random_program


def damaged(data, rng):
    """Cut the file, or change 1, 4 or 30 of its bytes or bits."""
    kind = int(rng.integers(0, 4))
    if kind == 0:
        return data[: rng.integers(0, len(data))]
    wrong = bytearray(data)
    for place in rng.integers(0, len(data), (0, 1, 4, 30)[kind]):
        wrong[place] = rng.integers(0, 256) if rng.integers(0, 2) else wrong[place] ^ (1 << int(rng.integers(0, 8)))
    return bytes(wrong)


def _large(rng):
    """Return a program whose weights are unpacked before they are read, to see that they do not burst."""
    weight = rng.integers(-3, 4, (800, 800)).astype(np.int8)  # few values: worth packing
    return Program(Input((800,)), (Population("a", (800,), (Connection("input", Dense(weight)),), vth=1000),))


def main(seed, count):
    """Run."""
    rng = np.random.default_rng(seed)
    program = _large(rng) if seed % 4 == 3 else random_program(rng) if seed else small_program()
    attached = {"certificate": {"digest": program.digest, "bound": 1}}
    found = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.nir"
        write_program(program, path, attachments=attached)
        data = path.read_bytes()
        for _ in range(count):
            path.write_bytes(damaged(data, rng))
            try:
                read = read_program_file(path)
            except FileError:
                found["refused"] += 1
                continue
            assert (read.program.digest, read.attachments) == (program.digest, attached)
            found["unharmed"] += 1
    print(found["refused"], found["unharmed"])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
