"""The NIR files of every framework, each read with what that framework means by it."""

from snn2hw.sources.from_nir.read import RESETS, SPOKEN, from_nir

__all__ = ["RESETS", "SPOKEN", "from_nir"]
