"""The kernel for Xylo programs: sums of both signs by vector, one by one only where a partial sum would saturate."""

from sim.fast.xylo.engine import simulate

__all__ = ["simulate"]
