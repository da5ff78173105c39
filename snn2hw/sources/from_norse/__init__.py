"""Norse modules, read from the modules themselves: what is computed, not what `norse.torch.to_nir` writes."""

from snn2hw.sources.from_norse.read import from_norse

__all__ = ["from_norse"]
