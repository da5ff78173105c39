"""The network of PilotNet's sizes lies beside a benchmark's script, not in a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
