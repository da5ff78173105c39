"""A small program with one of everything that a file must carry."""

import numpy as np

from sim.program import Connection, Conv, Dense, Input, Population, Program


def small_program():
    rng = np.random.default_rng(7)
    conv = Population(
        "conv",
        (4, 5, 5),
        (Connection("input", Conv(rng.integers(-99, 99, (4, 1, 3, 3)), padding=(1, 1), groups=2), exponent=1),),
        vth=rng.integers(1, 50, (4, 1, 1)),
        du=1023,
        dv=rng.integers(0, 4096, (4, 5, 5)),
    )
    dense = Population(
        "fc",
        (6,),
        (
            Connection("conv", Dense(rng.integers(-30000, 30000, (6, 100))), exponent=-4),
            Connection("fc", Dense(rng.integers(-9, 9, (6, 6))), lag=1),
        ),
        vth=4000,
        bias_mantissa=17,
        bias_exponent=2,
        u0=5,
        v0=-300,
        reset="subtract",
    )
    out = Population("out.1", (2,), (Connection("fc", Dense(rng.integers(-9, 9, (2, 6)))),), dv=200, fires=False)
    return Program(Input((2, 5, 5)), (conv, dense, out), record={"origin": "made by hand", "dt": 0.001, "é": [1, None]})
