"""Mixed precision of a program: the fewest bits per layer that keep the answers within a budget.

The search is `snn2hw.compiler.bit_search`. Layers are quantised once per width, the program is run whole each time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.engines import DEFAULT_ENGINE, run
from snn2hw.codec.decode import Decoder, decide
from snn2hw.compiler.bit_search import Trial, lower_bits
from snn2hw.compiler.compile import Compiled, Prepared, build
from snn2hw.compiler.exact import is_exact
from snn2hw.compiler.grid import most_bits
from snn2hw.compiler.options import Bits
from snn2hw.compiler.quantize import quantize_layer
from snn2hw.compiler.quantized import Quantized

__all__ = ["Mixed", "Trial", "fewest_bits"]


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
    search = _Search(prepared, rasters, wanted, decoder, engine)
    found = lower_bits(search, most_bits(prepared.target), budget=budget, on_trial=on_trial)
    return Mixed(found.made, found.bits, found.trials)


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
        rounded = [x for x in prepared.machine.populations if x.links and not is_exact(x, prepared.target)]
        self.weights: Mapping[str, int] = {x.name: sum(link.map.weight.size for link in x.links) for x in rounded}
        self.least = prepared.target.weight_bits[0]

    def made(self, bits: Mapping[str, Bits]) -> Compiled:
        """Return the program with these bits."""
        for name, width in bits.items():
            if (name, width) not in self.layers:
                self.layers[name, width] = quantize_layer(self.prepared, self.prepared.machine.by_name[name], width)
        known = {name: self.layers[name, width] for name, width in bits.items()}
        return build(self.prepared, dict(bits), known=known)

    def right(self, made: Compiled) -> float:
        """Return the share of samples answered as wanted."""
        output = run(made.program, self.rasters, engine=self.engine).output
        answers = decide(output.reshape(*output.shape[:2], -1), self.decoder)
        return float((answers == self.wanted).mean())
