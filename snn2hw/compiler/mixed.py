"""Mixed precision: the fewest bits per layer that keep the answers within a budget.

Greedy: among all layers the reduction by one step that saves most bits is tried first; a layer whose reduction breaks
the budget is left alone from then on. Layers are quantised once per width, the program is run whole each time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.engines import DEFAULT_ENGINE, run
from sim.errors import InputError
from snn2hw.codec.decode import Decoder, decide
from snn2hw.compiler.compile import Compiled, Prepared, build
from snn2hw.compiler.exact import is_exact
from snn2hw.compiler.grid import most_bits
from snn2hw.compiler.options import Bits
from snn2hw.compiler.quantize import quantize_layer
from snn2hw.compiler.quantized import Quantized

__all__ = ["Mixed", "Trial", "fewest_bits"]

TERNARY_BITS = 2


@dataclass(frozen=True)
class Trial:
    """One program that was tried."""

    bits: dict[str, Bits]
    right: float
    """Share of samples answered as wanted."""
    weight_bits: int
    """Bits of all stored weights together."""
    kept: bool

    def __str__(self) -> str:
        """Say it in one line."""
        widths = ", ".join(f"{name} {bits}" for name, bits in self.bits.items())
        return f"{widths}: {self.weight_bits} weight bits, {self.right:.2%} {'kept' if self.kept else 'too few'}"


@dataclass(frozen=True, eq=False)
class Mixed:
    """The program with the fewest bits within the budget, and every trial on the way."""

    compiled: Compiled
    bits: dict[str, Bits]
    trials: tuple[Trial, ...]


def fewest_bits(
    prepared: Prepared,
    rasters: NDArray[np.integer],
    wanted: NDArray[np.integer],
    *,
    budget: float = 0.01,
    decoder: Decoder = "mean",
    engine: str = DEFAULT_ENGINE,
    on_trial: Callable[[Trial], object] | None = None,
) -> Mixed:
    """Lower the bits of one layer after the other while the share of wanted answers falls by at most ``budget``.

    Args:
        prepared: the calibrated network.
        rasters: what the answers are judged on, (B, T, *input shape).
        wanted: the class of every sample: its label, or what the float network answers.
        budget: how much less of the answers may be as wanted than with the widest weights.
        decoder: how the output is read.
        engine: what runs the trials.
        on_trial: called after every trial.
    """
    if not 0 <= budget <= 1:
        raise InputError(f"budget {budget}", "give a share between 0 and 1")
    search = _Search(prepared, rasters, wanted, decoder, engine)
    names = [x.name for x in prepared.machine.populations if x.links and not is_exact(x, prepared.target)]
    bits: dict[str, Bits] = dict.fromkeys(names, most_bits(prepared.target))
    best, floor, trials = search.compiled(bits), 0.0, list[Trial]()
    floor = search.right(best) - budget
    open_layers = set(names)
    while open_layers:
        steps = {name: _narrower(bits[name], prepared) for name in open_layers}
        open_layers -= {name for name, narrower in steps.items() if narrower is None}
        if not open_layers:
            break
        name = max(sorted(open_layers), key=lambda n: search.size(n, bits[n]) - search.size(n, steps[n] or bits[n]))
        attempt = bits | {name: steps[name] or bits[name]}
        compiled = search.compiled(attempt)
        right = search.right(compiled)
        total = sum(search.size(n, b) for n, b in attempt.items())
        trials.append(Trial(attempt, right, total, right >= floor))
        if right >= floor:
            bits, best = attempt, compiled
        else:
            open_layers.remove(name)
        if on_trial is not None:
            on_trial(trials[-1])
    return Mixed(best, bits, tuple(trials))


def _narrower(bits: Bits, prepared: Prepared) -> Bits | None:
    """Return the next narrower weight: one bit less, halves above 8 bit, ternary at the end."""
    if bits == "ternary":
        return None
    if bits <= max(TERNARY_BITS + 1, prepared.target.weight_bits[0]):
        return "ternary"
    return bits // 2 if bits > 8 else bits - 1


class _Search:
    """Programs of one network, built from layers that are quantised once per width."""

    def __init__(
        self,
        prepared: Prepared,
        rasters: NDArray[np.integer],
        wanted: NDArray[np.integer],
        decoder: Decoder,
        engine: str,
    ) -> None:
        self.prepared, self.wanted, self.decoder, self.engine = prepared, wanted, decoder, engine
        self.rasters = rasters.reshape(*rasters.shape[:2], *prepared.machine.input_shape)
        self.layers: dict[tuple[str, Bits], Quantized] = {}

    def compiled(self, bits: dict[str, Bits]) -> Compiled:
        """Return the program with these bits."""
        for name, width in bits.items():
            if (name, width) not in self.layers:
                self.layers[name, width] = quantize_layer(self.prepared, self.prepared.machine.by_name[name], width)
        return build(self.prepared, bits, known={name: self.layers[name, width] for name, width in bits.items()})

    def right(self, compiled: Compiled) -> float:
        """Return the share of samples answered as wanted."""
        output = run(compiled.program, self.rasters, engine=self.engine).output
        answers = decide(output.reshape(*output.shape[:2], -1), self.decoder)
        return float((answers == self.wanted).mean())

    def size(self, name: str, bits: Bits) -> int:
        """Return the bits of one layer's stored weights."""
        weights = sum(link.map.weight.size for link in self.prepared.machine.by_name[name].links)
        return weights * (TERNARY_BITS if bits == "ternary" else bits)
