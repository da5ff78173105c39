"""Random programs that a `.net` file can say: chains of convolutions and dense layers, recurrent ones among them."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np

from exporters.netx_export.layers import layers
from exporters.netx_export.weights import damage
from sim.engines import run
from sim.errors import MachineError, UnsupportedError
from sim.program import Connection, Conv, Dense, Population, Program
from sim.trace import RECORDABLE, Trace
from tests.programs import Space, random_program, random_raster

ONE_SPIKE = Space(weight_limit=127).without("many", "at_threshold", "refractory", "unreset", "subtract")
CHAINS = ONE_SPIKE.without("lags", "recurrence", "feedback", "skips", "initial", "exponents")


def random_chain(rng: np.random.Generator) -> Program:
    """Draw a program, and bring its biases, weights and wiring to what NetX has words for."""
    drawn = random_program(rng, CHAINS)
    recurrent = bool(rng.integers(0, 2))
    flat, made = False, []
    for p in drawn.populations:
        source = made[-1].name if made else "input"
        wiring = p.inputs[0].wiring if p.inputs else _dense(rng, p.size, drawn.shape_of(source))
        if isinstance(wiring, Conv) and flat:
            wiring = _dense(rng, p.size, drawn.shape_of(source))
        flat = isinstance(wiring, Dense)
        inputs = [_scaled(rng, source, wiring)]
        if flat and recurrent and rng.integers(0, 3):
            inputs.insert(int(rng.integers(0, 2)), replace(_scaled(rng, p.name, _dense(rng, p.size, p.shape)), lag=1))
        made.append(_with_bias(rng, replace(p, inputs=tuple(inputs)), most=0 if recurrent else 40))
    return Program(drawn.input, tuple(made))


def _dense(rng: np.random.Generator, size: int, source: tuple[int, ...]) -> Dense:
    limit = int(rng.choice([1, 7, 100, 127]))
    return Dense(rng.integers(-limit, limit + 1, (size, int(np.prod(source)))))


def _scaled(rng: np.random.Generator, source: str, wiring: Dense | Conv) -> Connection:
    """Say the weights, or twice as much, without an exponent or with one of either sign."""
    weight = wiring.weight.astype(np.int64)
    if isinstance(wiring, Dense) and damage([weight]):
        weight.reshape(-1)[0], weight.reshape(-1)[-1] = -3, 1
    ways = [(weight, 0), (2 * weight, 0), (weight, 1), (4 * weight, -2), (8 * weight, -2)]
    written, exponent = ways[int(rng.integers(0, len(ways)))]
    return Connection(source, replace(wiring, weight=written), exponent)


def _with_bias(rng: np.random.Generator, p: Population, most: int) -> Population:
    kind = rng.choice(["none", "one", "channels", "neurons"])
    shape = {"none": (), "one": (), "channels": (p.shape[0], *(1,) * (len(p.shape) - 1)), "neurons": p.shape}[kind]
    mantissa = rng.integers(-40, most + 1, shape) * (0 if kind == "none" else 1)
    return replace(p, bias_mantissa=mantissa, bias_exponent=6)


def chain_cases(seed: int) -> Iterator[tuple[Program, np.ndarray, Trace]]:
    """Draw without end; leave out what leaves the machine, and two matrices of one layer that do not go together."""
    for number in count():
        rng = np.random.default_rng([seed, number])
        program = random_chain(rng)
        raster = random_raster(rng, program)
        try:
            layers(program)
            trace = run(program, raster, record=RECORDABLE, allow_wrap=True)
        except (MachineError, UnsupportedError):
            continue
        yield program, raster, trace
