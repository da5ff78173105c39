"""What a compilation cost, measured on data: one row per population, for a human, and as JSON for the program file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import V_MAX, VTH_SHIFT
from sim.engines import DEFAULT_ENGINE, run
from sim.layer_names import layer_names
from sim.program import Json
from sim.trace import Trace
from snn2hw.chips.rewrite import added_by_rewrite
from snn2hw.compiler.compile import Compiled
from snn2hw.compiler.quantized import Quantized

if TYPE_CHECKING:
    from snn2hw.network.float_reference import FloatTrace

__all__ = ["MeasuredPopulation", "Report", "measure"]

SCHEMA = "snn2hw.quantization/1"

HOT = 0.5
"""A neuron that fires more often than this no longer tells strong input from very strong."""


@dataclass(frozen=True)
class MeasuredPopulation:
    """One population."""

    name: str
    layer: str
    """What tables call it, which follows from the program: no file has it."""
    neurons: int
    bits: tuple[int, ...]
    exponents: tuple[int, ...]
    scale: tuple[float, float]
    vth: tuple[int, int]
    sqnr_db: tuple[float | None, ...]
    """Per connection; None where the weights are stored exactly."""
    agreement: float | None
    """Share of neuron-steps in which the integer spike equals the float one; None for a readout."""
    correlation: float | None
    """Of the readout's v in volts with the float one; None for a population that fires."""
    rate: float
    rate_float: float
    clipped: float
    """Share of neuron-steps in which v clipped; not counted is a clip above threshold that a reset to zero forgets."""
    margin_bits: float
    """log2 of how far the certified a and u stay below their limits; below 0 where a state that only clips may."""
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """All rows, and on how much data they were measured."""

    digest: str
    samples: int
    steps: int
    rows: tuple[MeasuredPopulation, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        facts: dict[str, Json] = {"schema": SCHEMA, **asdict(self)}
        rows: list[Json] = [{k: v for k, v in asdict(row).items() if k != "layer"} for row in self.rows]
        return facts | {"rows": rows}

    def __str__(self) -> str:
        """Return the table that `snn2hw compile` prints."""
        from tabulate import tabulate

        head = [
            "population",
            "neurons",
            "bits",
            "exp",
            "S",
            "vth",
            "SQNR dB",
            "agrees",
            "rate",
            "float",
            "clip",
            "margin",
        ]
        body = tabulate([_cells(row) for row in self.rows], head, disable_numparse=True)
        remarks = [f"{row.layer}: {w}" for row in self.rows for w in row.warnings]
        return "\n".join([body, *remarks, *(f"note: {n}" for n in self.notes)])


def measure(compiled: Compiled, data: NDArray[np.integer], *, engine: str = DEFAULT_ENGINE) -> Report:
    """Run the float network and the program side by side on ``data`` (B, T, *input shape)."""
    from snn2hw.network.float_reference import run_network

    program = compiled.program
    ideal = run_network(compiled.network, data, record=("spikes", "v"))
    shaped = data.reshape(*data.shape[:2], *program.input.shape)
    trace = run(program, shaped, engine=engine, record=("spikes", "v"))
    layers = layer_names(program)
    rows = tuple(_row(compiled, made, (ideal, trace), layers) for made in compiled.layers)
    notes = (*compiled.network.notes, *added_by_rewrite(program, trace.counts))
    return Report(program.digest, data.shape[0], data.shape[1], rows, notes)


def _row(
    compiled: Compiled, made: Quantized, traces: "tuple[FloatTrace, Trace]", layers: Mapping[str, str]
) -> MeasuredPopulation:
    ideal, trace = traces
    population, layer = made.population, made.layer
    name, counts = population.name, trace.counts
    updates = float(counts.updates[name].sum())
    spikes = trace.spikes[name]
    wanted = ideal.spikes[layer.node].reshape(spikes.shape) if population.fires else np.zeros(spikes.shape)
    bounds = compiled.certificate.bounds[name]
    forgets = population.fires and population.reset == "zero"
    clipped = float((trace.v[name] == -V_MAX).mean() if forgets else counts.clips[name].sum() / updates)
    threshold = population.registers["vth" if "vth" in population.registers else "theta"]
    return MeasuredPopulation(
        name=name,
        layer=layers[name],
        neurons=population.size,
        bits=tuple(grid.bits for grid in made.grids),
        exponents=tuple(c.exponent for c in population.inputs),
        scale=(float(made.scale.min()), float(made.scale.max())),
        vth=(int(threshold.min()), int(threshold.max())),
        sqnr_db=tuple(round(q, 2) if math.isfinite(q) else None for q in made.sqnr_db),
        agreement=float((spikes == wanted).mean()) if population.fires else None,
        correlation=None if population.fires else _correlation(made, ideal, trace),
        rate=float(counts.spikes[name].sum() / updates),
        rate_float=float(wanted.mean()),
        clipped=clipped,
        margin_bits=round(-math.log2(max(bounds.reach, 2.0**-23)), 2),
        warnings=tuple(_warnings(spikes, wanted, clipped, fires=population.fires)),
    )


def _correlation(made: Quantized, ideal: "FloatTrace", trace: Trace) -> float | None:
    layer = made.layer
    if layer.node not in ideal.v:
        return None
    v = trace.v[made.population.name]
    volts = layer.unit * v / (made.scale * (1 << VTH_SHIFT)) + layer.origin
    ours, theirs = volts.reshape(-1), ideal.v[layer.node].reshape(-1)
    return float(np.corrcoef(ours, theirs)[0, 1]) if ours.std() > 0 and theirs.std() > 0 else None


def _warnings(spikes: NDArray[np.uint8], wanted: NDArray[np.generic], clipped: float, *, fires: bool) -> list[str]:
    found = []
    if fires and not spikes.any():
        found.append("SILENT: no neuron fired" + ("; the float network's did" if wanted.any() else ", as in float"))
    if fires:
        per_neuron = spikes.mean(axis=(0, 1))
        hot = float((per_neuron > HOT).mean())
        if hot > 0.1:
            found.append(f"SATURATING: {hot:.0%} of the neurons fire in more than half of all steps")
    if clipped > 0.001:
        found.append(f"CLIPPING: v met its end in {clipped:.2%} of the neuron-steps")
    return found


def _cells(row: MeasuredPopulation) -> list[str]:
    agrees = "-" if row.agreement is None else f"{row.agreement:.3%}"
    if row.correlation is not None:
        agrees = f"r={row.correlation:.4f}"
    return [
        row.layer,
        str(row.neurons),
        _joined(row.bits),
        _joined(row.exponents),
        _span(f"{row.scale[0]:.4g}", f"{row.scale[1]:.4g}"),
        _span(str(row.vth[0]), str(row.vth[1])),
        ",".join("exact" if q is None else f"{q:.1f}" for q in row.sqnr_db),
        agrees,
        f"{row.rate:.3%}",
        f"{row.rate_float:.3%}",
        f"{row.clipped:.2%}",
        f"{row.margin_bits:.1f} bit",
    ]


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low}..{high}"


def _joined(values: Sequence[object]) -> str:
    return ",".join(map(str, values))
