"""The engine that is fast: a program is laid out once, and compiled loops run rasters through it.

    engine, groups, plan    which kernels run a program; samples in groups; sizes, memory and loops of a run
    kernels/                the compiled loops: what arrives, what neurons make of it, what is counted
    layout/                 what follows from a program alone: tables, and the arenas they point into
    vector/                 vector instructions in compiled code, and how it is compiled

Imports go down this list, never up.
"""

from sim.fast.engine import Kernels, simulate

__all__ = ["Kernels", "simulate"]
