"""Where networks come from: Norse modules and the NIR files of every framework, read into `Source`."""

from snn2hw.sources.semantics import NORSE, Reset, Scheme, Semantics
from snn2hw.sources.source import Source

__all__ = ["NORSE", "Reset", "Scheme", "Semantics", "Source"]
