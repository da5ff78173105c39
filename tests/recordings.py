"""Where other people's recordings are found; they never are part of this project."""

import os
from pathlib import Path

import pytest

PLACES = (os.environ.get("SNN2HW_DATA"), str(Path(__file__).parents[2] / "shared"))


def recordings(*parts: str) -> Path:
    """Return a file or folder below the recordings, or skip the test with the reason."""
    for place in PLACES:
        if place and (found := Path(place).joinpath(*parts)).exists():
            return found
    pytest.skip(f"recording {'/'.join(parts)} is not here: set SNN2HW_DATA to the folder that holds it")
