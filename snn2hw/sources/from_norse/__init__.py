"""Norse modules, read from the modules themselves: what is computed, not what `norse.torch.to_nir` writes."""

from snn2hw.sources.from_norse.read import Layout, from_norse, read_norse

__all__ = ["Layout", "from_norse", "read_norse"]
