"""The network of PilotNet's sizes, which lies beside a benchmark's script, not in a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from placers import pilotnet

__all__ = ["pilotnet"]
