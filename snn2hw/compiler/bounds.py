"""What the certificate will say of one population, while its scale can still be lowered."""

from snn2hw.compiler.calibrate import Prepared
from snn2hw.compiler.certify import ProvenBounds, bounds_of
from snn2hw.compiler.messages import spans_of
from snn2hw.compiler.quantized import Quantized

__all__ = ["bounds_at"]


def bounds_at(prepared: Prepared, made: Quantized) -> ProvenBounds:
    """Return the bounds of a population at the scale that was tried."""
    shapes = {**prepared.machine.shapes, **{helper.name: helper.shape for helper in made.helpers}}
    ranges = {**dict.fromkeys(shapes, (0, 1)), **spans_of(prepared)}
    return bounds_of(made.population, ranges, shapes.__getitem__, prepared.ranges.steps)
