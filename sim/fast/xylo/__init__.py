"""The kernel for Xylo programs: states in lanes of 16 bits, one message after the other, as saturating additions."""

from sim.fast.xylo.engine import simulate

__all__ = ["simulate"]
