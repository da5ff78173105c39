"""Old home of `snn2hw.lowering`."""

from snn2hw.lowering import lower

__all__ = ["lower"]
