"""The arithmetics: what each is as data (`description`), by name (`registry`), and the one of today's chips (`loihi`).

The operations and limits of ``loihi`` can be had from here.
"""

from sim.arithmetic.description import Int, shift
from sim.arithmetic.loihi import A_LIMIT, DECAY_ONE, U_STORED, V_MAX, VTH_SHIFT, WRAP, clip, decay, wrap

__all__ = ["A_LIMIT", "DECAY_ONE", "U_STORED", "VTH_SHIFT", "V_MAX", "WRAP", "Int", "clip", "decay", "shift", "wrap"]
