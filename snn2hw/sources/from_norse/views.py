"""Views of one step of a buffer: what is written to ``buffer[t]`` is written to the buffer."""

from typing import Any

from torch import Tensor

__all__ = ["place_in_base", "shares_memory"]


def place_in_base(view: Tensor) -> tuple[Tensor, tuple[Any, ...]] | None:
    """Return (buffer, keys) if ``view`` is ``buffer[t]`` or ``buffer[:, t]``, None for any other tensor."""
    base = view._base
    if base is None:
        return None
    for axis in (0, 1):
        inside = [(n, s) for a, (n, s) in enumerate(zip(base.shape, base.stride(), strict=True)) if a != axis]
        if base.ndim == view.ndim + 1 and inside == list(zip(view.shape, view.stride(), strict=True)):
            step = (view.storage_offset() - base.storage_offset()) // base.stride(axis)
            return base, (*(slice(None),) * axis, step)
    return None


def shares_memory(changed: Tensor, other: Tensor) -> bool:
    """Return whether a change of one tensor may be one of another that is neither its buffer nor a step of that."""
    if changed is other or changed.untyped_storage().data_ptr() != other.untyped_storage().data_ptr():
        return False
    place = place_in_base(changed)
    if place is None:
        return True
    beside = place_in_base(other)
    return not (other is place[0] or (beside is not None and beside[0] is place[0]))
