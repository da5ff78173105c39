"""The whole path on a small scale: spoken digits in, a chip's program out, proven, priced and drawn."""

from snn2hw.demo.story import tell

__all__ = ["tell"]
