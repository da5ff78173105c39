"""Old home of `snn2hw.floats`."""

from snn2hw.floats import FloatTrace, float_reference

__all__ = ["FloatTrace", "float_reference"]
