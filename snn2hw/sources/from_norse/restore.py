"""Leave a module as it was found: its attributes, tensors, gradients, modes and hooks, and every random state."""

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["restored"]

MOST_OBJECTS = 1_000_000
"""Objects that are looked at; a module that holds more refers to something that is not a network."""


UNTOUCHED = (str, bytes, int, float, type, ModuleType, type(None))
"""Objects that hold nothing of a network's."""

MACHINERY = ("logging", "threading", "_thread", "asyncio")
"""Modules of objects that belong to the process, not to a network."""


@contextmanager
def restored(module: torch.nn.Module) -> Iterator[None]:
    """Put back, at the end, everything that can be reached from ``module``, and the random states of the process.

    Lists, dicts, sets, arrays and tensors get their contents back, objects their attributes; functions are followed to
    what they close over.
    """
    undo = _memory_of(module)
    rng, drawn, numbers = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch's own is untyped
    devices = torch.cuda.get_rng_state_all() if on_gpu else None
    try:
        yield
    finally:
        with torch.no_grad():
            for each in reversed(undo):
                each()
        torch.set_rng_state(rng)
        random.setstate(drawn)
        np.random.set_state(numbers)  # noqa: NPY002
        if devices is not None:
            torch.cuda.set_rng_state_all(devices)


def _memory_of(root: object) -> list[Callable[[], None]]:
    """Return what puts every object that ``root`` reaches back into its present state."""
    undo: list[Callable[[], None]] = []
    seen: dict[int, object] = {}
    stack: list[object] = [root]
    with torch.no_grad():
        while stack and len(seen) < MOST_OBJECTS:
            thing = stack.pop()
            if id(thing) in seen or isinstance(thing, UNTOUCHED) or type(thing).__module__ in MACHINERY:
                continue
            seen[id(thing)] = thing
            if (back := _undo(thing)) is not None:
                undo.append(back)
            stack.extend(_held_by(thing))
    return undo


def _held_by(thing: Any) -> Iterator[object]:
    """Yield what an object holds."""
    if isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset | deque):
        yield from thing
    elif isinstance(thing, FunctionType):
        yield from (cell.cell_contents for cell in thing.__closure__ or () if _is_filled(cell))
        yield from thing.__defaults__ or ()
    elif isinstance(thing, MethodType):
        yield thing.__self__
    if isinstance(thing, Tensor):
        yield thing.grad if thing.is_leaf else None
    elif not isinstance(thing, FunctionType | MethodType):
        yield getattr(thing, "__dict__", None)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _undo(thing: Any) -> Callable[[], None] | None:
    """Return what puts one mutable object back, None for what needs nothing."""
    match thing:
        case Tensor():
            return _undo_tensor(thing)
        case torch.Generator():
            drawn = thing.get_state()
            return lambda: _ignore(thing.set_state(drawn))
        case np.ndarray() if thing.flags.writeable:
            numbers = thing.copy()
            return lambda: np.copyto(thing, numbers)
        case dict():
            items = list(thing.items())
            return lambda: _refill(thing, items, lambda: thing.update(items))
        case list():
            entries = list(thing)
            return lambda: thing.__setitem__(slice(None), entries)
        case deque():
            queue = list(thing)
            return lambda: _refill(thing, queue, lambda: thing.extend(queue))
        case set():
            members = set(thing)
            return lambda: _refill(thing, members, lambda: thing.update(members))
        case _:
            return None


def _ignore(result: object) -> None:
    """Drop what a call returned."""


def _refill(thing: Any, content: object, fill: Callable[[], object]) -> None:
    """Empty a container and fill it as it was, unless it is so already: some of them are watched."""
    same = list(thing.items()) if isinstance(thing, dict) else thing
    if _identical(same, content):
        return
    thing.clear()
    fill()


def _identical(a: Any, b: Any) -> bool:
    if isinstance(a, set):
        return bool(a == b)
    return len(a) == len(b) and all(k is m and v is w for (k, v), (m, w) in zip(a, b, strict=True))


def _undo_tensor(tensor: Tensor) -> Callable[[], None] | None:
    if tensor.layout != torch.strided or tensor.device.type == "meta":
        return None
    memory, numbers = tensor.data, tensor.detach().clone()
    wanted, gradient = tensor.requires_grad, tensor.grad if tensor.is_leaf else None

    def back() -> None:
        if not torch.equal(memory, numbers):
            memory.copy_(numbers)
        if not tensor.is_leaf:
            return
        if tensor.data_ptr() != memory.data_ptr():
            tensor.data = memory
        if tensor.requires_grad != wanted:
            tensor.requires_grad_(wanted)
        tensor.grad = gradient

    return back
