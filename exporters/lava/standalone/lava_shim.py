"""What lava-nc 0.10.0 needs to be imported, and to be right, on a current Python and numpy.

Import this before anything of lava's. On the Python 3.10 and numpy 1.26 that lava-nc was made for it changes one thing:
convolutions with a side or a group count above 127 become right.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["check"]


def _hashable(make: Callable[..., Any]) -> Callable[..., Any]:
    """Keep lava's dataclasses hashable: since Python 3.11 the default value of a field must be."""

    def finish(made: Any) -> Any:
        if made.__module__.startswith("lava.") and made.__hash__ is None:
            made.__hash__ = object.__hash__
        return made

    @functools.wraps(make)
    def dataclass(cls: Any = None, **options: Any) -> Any:
        if cls is None:
            return lambda decorated: finish(make(decorated, **options))
        return finish(make(cls, **options))

    return dataclass


_stock = dataclasses.dataclass
dataclasses.dataclass = _hashable(_stock)
try:
    from lava.magma.core.model.py.type import LavaPyType
    from lava.magma.core.process.ports.ports import ReshapePort
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.conv.models import AbstractPyConvModel
    from lava.proc.dense.models import PyDenseModelBitAcc
    from lava.proc.lif.models import PyLifModelBitAcc
finally:
    dataclasses.dataclass = _stock

NARROW = ("kernel_size", "stride", "padding", "dilation", "groups", "num_message_bits", "num_weight_bits")
"""int8 in lava's Conv, and mixed there with the sides of images: beyond 127 it hangs, or is silently zero."""

for _name in NARROW:
    setattr(AbstractPyConvModel, _name, LavaPyType(np.ndarray, np.int32, precision=8))


def _reshape(shape: tuple[int, ...], data: Any) -> Any:
    return np.reshape(data, shape)


# np.reshape has lost its argument `newshape`
ReshapePort.get_transform_func_fwd = lambda self: functools.partial(_reshape, self.shape)
ReshapePort.get_transform_func_bwd = lambda self: functools.partial(_reshape, self.old_shape)


def check() -> None:
    """Raise unless what was imported above is the lava-nc this was written for."""
    for model in (PyLifModelBitAcc, PyDenseModelBitAcc):
        if "fixed_pt" not in model.tags:
            raise RuntimeError(f"{model.__name__} has lost its tag 'fixed_pt'")
    Loihi2SimCfg(select_tag="fixed_pt")
