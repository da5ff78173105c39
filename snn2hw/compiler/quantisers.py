"""Who chooses the registers of a program, by arithmetic."""

from collections.abc import Callable, Mapping

from snn2hw.compiler.calibrate import Prepared, Progress
from snn2hw.compiler.quantize import quantize
from snn2hw.compiler.quantized import Quantized
from snn2hw.compiler.xylo.quantize import quantize_xylo

__all__ = ["QUANTISERS"]

Quantiser = Callable[[Prepared, Progress, Mapping[str, Quantized] | None], list[Quantized]]

QUANTISERS: Mapping[str, Quantiser] = {"loihi": quantize, "xylo": quantize_xylo}
"""By arithmetic, what chooses its registers."""
