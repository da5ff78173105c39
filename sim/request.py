"""What is asked of an engine beside the program and the raster: one record, the same for all of them."""

from collections.abc import Callable
from dataclasses import dataclass

from sim.trace import SPIKES, Record

__all__ = ["Request"]


@dataclass(frozen=True)
class Request:
    """What to record, what to refuse, and whom to tell.

    A wrap of u is refused unless ``allow_wrap``; a clip of v is in the populations named in ``clip_free`` (those with a
    certified bound). ``progress`` is called with the number of sample-steps that are newly done.
    """

    record: tuple[Record, ...] = SPIKES
    allow_wrap: bool = False
    clip_free: tuple[str, ...] = ()
    progress: Callable[[int], object] | None = None
