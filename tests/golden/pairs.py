"""Which source is compiled with which options."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.golden.sources import NORSE_NAMES, RECORDED, SOURCES

__all__ = ["PAIRS", "Pair"]

TO_ZERO = {"snntorch/leaky_zero", "snntorch/leaky_zero_now"}
SUBTRACTS = {
    *(case for case in RECORDED if case.startswith("snntorch/") and case not in TO_ZERO),
    *(f"norse/{name}" for name in ("LIFBoxCell subtract", "mixed neurons")),
    "nir/dense subtract",
    "nir/recurrent subtract",
    "ann/torch",
    "ann/onnx",
    "ann/onnx per layer",
}


@dataclass(frozen=True)
class Pair:
    """One compilation. ``data`` is the number of calibration samples, 0 for none; ``high`` the greatest message."""

    source: str
    target: str = "loihi1"
    bits: object = 8
    data: int = 0
    low: int = 0
    high: int = 1
    steps: int | None = None
    messages: tuple[int, int] | None = None
    scale: float | str = "auto"
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the source and everything that is not as usual."""
        said = [self.target, f"{self.bits} bit" if not isinstance(self.bits, Mapping) else f"bits {dict(self.bits)}"]
        said += [f"calibrated on {self.data}"] * (self.data > 0)
        said += [f"{key} {value}" for key, value in self._rest().items()]
        return f"{self.source} | {', '.join(said)}"

    def _rest(self) -> dict[str, object]:
        usual = {"low": 0, "high": 1, "steps": None, "messages": None, "scale": "auto"}
        rest = {key: getattr(self, key) for key, value in usual.items() if getattr(self, key) != value}
        return rest | dict(self.options)


def _usual() -> list[Pair]:
    """Every source once, about half of them calibrated, on a chip that resets as it does."""
    made = []
    for source in SOURCES:
        target, fed = "loihi2" if source in SUBTRACTS else "loihi1", source == "train/checkpoint"
        data = 2 if fed or zlib.crc32(source.encode()) % 2 else 0
        made.append(Pair(source, target, data=data, high=31 if fed else 1))
    return [pair for pair in made if not pair.source.startswith("nir/register")]


SPREAD = (
    "nir/dense cuba",
    "nir/keyword spotter",
    "nir/recurrent",
    "norse/LILinearCell",
    "norse/residual",
    "nir/delayed",
)
"""Sources with biases behind a synaptic filter and several populations: each with every width and every option."""

WIDTHS = (("loihi1", 6), ("loihi1", 4), ("loihi2", 3), ("loihi1", "ternary"), ("fixed", 8), ("fixed", 12), ("fixed", 2))

CHOICES: tuple[dict[str, object], ...] = (
    {"method": "max"},
    {"method": "percentile", "per": "layer"},
    {"per": "layer"},
    {"bias": "preset"},
    {"bias": "register"},
    {"centre": "never"},
    {"centre": "always", "bias": "register"},
    {"levels": 16},
    {"headroom": 2.0},
    {"compensate_decay": False},
)

MIXED = {
    "nir/dense cuba": {"one": 4, "two": "ternary"},
    "nir/keyword spotter": {"lif1": 6, "lif2": 3},
    "nir/recurrent": {"hidden": 5},
    "norse/residual": {"lif2": 4},
}


def _spread() -> list[Pair]:
    widths = [(target, bits, 4 * (index % 2)) for index, (target, bits) in enumerate(WIDTHS)]
    made = [Pair(source, target, bits, data=data) for source in SPREAD for target, bits, data in widths]
    for turn, source in enumerate(SPREAD):
        for index, options in enumerate(CHOICES):
            calibrated = (index + turn) % 2 or options.get("centre") == "always"
            made.append(Pair(source, bits=(8, 4)[index % 2], data=3 if calibrated else 0, options=options))
    made += [Pair(source, bits=bits, data=2) for source, bits in MIXED.items()]
    return made


OTHERS = (
    Pair("nir/registers", scale=1),
    Pair("nir/registers", "loihi2", scale=1, steps=60),
    Pair("nir/registers", "fixed", 16, scale=2),
    Pair("nir/register biases", scale=1),
    Pair("nir/register biases", "loihi2", scale=2, steps=30),
    Pair("nir/slow leak", bits="ternary", data=3),
    Pair("nir/slow leak", "fixed", 3, data=3),
    Pair("nir/dense lif", steps=5),
    Pair("nir/dense lif", steps=4000, data=3),
    Pair("nir/dense lif", messages=(-4, 7)),
    Pair("nir/dense lif", "loihi2", messages=(0, 15), data=3, high=9),
    Pair("nir/dense cuba", "fixed", 5, data=3, low=-3, high=3, steps=100),
    Pair("nir/dense subtract", "fixed", 4, data=3),
    Pair("nir/recurrent subtract", "loihi2", 6, data=3),
    Pair("nir/exponential", "fixed", 16, data=3),
    Pair("snntorch/synaptic_subtract", "fixed", 10, data=2, options={"bias": "preset"}),
    Pair("snntorch/rsynaptic_subtract", "loihi2", "ternary", data=2),
    Pair("spikingjelly/cubalif", bits=4, data=2, options={"bias": "register"}),
    Pair("norse/SCNN", bits=4, data=2),
    Pair("norse/mixed neurons", "fixed", 7, data=2, options={"per": "layer", "method": "max"}),
    Pair("ann/torch", "fixed", 8, data=2, high=3),
    Pair("ann/torch lif to zero", bits=6, data=2, high=3),
    Pair("train/checkpoint", bits=4, steps=6, messages=(0, 31)),
    Pair("train/checkpoint", "fixed", 3, data=2, high=31),
    Pair("nir/trained", bits=4, messages=(0, 31)),
)

PAIRS = {pair.name: pair for pair in (*_usual(), *_spread(), *OTHERS)}
"""Name to pair."""

assert len(PAIRS) == len(_usual()) + len(_spread()) + len(OTHERS)
assert {pair.source for pair in PAIRS.values()} == set(SOURCES)
assert {f"norse/{name}" for name in NORSE_NAMES} <= set(SOURCES)
