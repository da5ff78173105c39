"""Run a module's forward and write down what every tensor is.

The forward runs for real, on zeros, a few steps long; a torch function mode sees every torch call and attaches to the
result the `Value` that it holds. What nobody knows how to say becomes an `Unreadable` with its `Problem`, and the run
goes on: what the output does not need is forgotten, and one report lists everything that it does need.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from snn2hw.problems import Problem
from snn2hw.sources.expression.operations import Array, Operation, Shape
from snn2hw.sources.expression.values import Applied, Constant, Noise, Unreadable, Value, latest
from snn2hw.sources.from_norse.cures import cure
from snn2hw.sources.from_norse.peeked import Peeked
from snn2hw.sources.from_norse.places import line_of_user, users_line
from snn2hw.sources.from_norse.views import place_in_base, shares_memory

__all__ = ["BATCH", "Answers", "Call", "Rule", "Tag", "Thread", "TooFewSteps", "Tracer", "numbers"]

BATCH = 2
"""Samples that are traced at once; one could not be told from an axis of length 1."""

SCALES = ("mul", "div", "true_divide", "__truediv__", "__rmul__", "neg")
"""Calls that may follow a sum over the steps as well as precede it."""

KEEPS = ("detach", "clone", "to", "float", "double", "cpu", "contiguous", "data.__get__", "requires_grad")
"""Calls that return what they were given."""

HOST = ("softmax", "log_softmax", "sigmoid", "argmax", "topk", "sort", "exp", "log", "cross_entropy", "nll_loss")
"""Calls that may follow the last layer, where they run on the host, and stand nowhere else."""

Answers = Literal["true", "other", "alternating"]
"""Which way branches on the numbers of a signal go: as they would, the other way, or either way in turn."""

MOST_BRANCHES = 100_000
"""Branches of one run; a forward that takes more waits for something."""

RANDOM_FACTORIES = ("rand", "randn", "randint", "normal")
"""Calls that draw random numbers of nothing that is traced."""

READS = (
    *HOST,
    *KEEPS,
    *("sum", "mean", "max", "amax", "stack", "__setitem__", "unbind"),
    *("flatten", "reshape", "view", "squeeze", "unsqueeze", "__getitem__", "zeros_like", "ones_like"),
)
"""All calls that may follow the reduction over time."""


@dataclass(frozen=True)
class Tag:
    """What a tensor holds: one value, or one per step along a leading axis.

    ``lead`` names the leading axes in order: "B" batch, "T" a stack of values (steps, in most networks), "M" steps and
    batch in one axis. The other axes are those of the values. ``decoded`` says how the result is read off the values of
    all steps, "" for a signal. ``part`` is the slice of the steps that these values are, ``whole`` all of them.
    """

    values: tuple[Value, ...]
    lead: str = "B"
    decoded: str = ""
    part: str = ""
    whole: tuple[Value, ...] = ()

    @property
    def shape(self) -> Shape:
        """Return the shape of each value."""
        return self.values[0].shape

    def in_time(self) -> bool:
        """Return whether the values are those of steps 0, 1, 2, ..."""
        return len(self.values) > 1 and all(latest(v) in (t, None) for t, v in enumerate(self.values))


@dataclass
class Thread:
    """One layer of neurons through time: the cell that was called and the value it read in each step."""

    index: int
    path: str
    where: str
    cell: Any
    shape: Shape
    neurons: Any
    inputs: list[Value] = field(default_factory=list)


@dataclass
class Call:
    """One torch call: its name without underscores for in-place, its arguments and its result."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Any

    def bind(self, **defaults: Any) -> dict[str, Any]:
        """Return the arguments by name, given the function's parameters in order with their defaults."""
        known = {name: value for name, value in self.kwargs.items() if name in defaults}
        return defaults | dict(zip(defaults, self.args, strict=False)) | known


class TooFewSteps(IndexError):
    """The forward asked for a step beyond those that it was given."""


def numbers(value: Any) -> Array:
    """Return a tensor or number as float64, exactly, in memory of its own: the forward may write to the tensor."""
    if isinstance(value, Tensor):
        return np.asarray(value.detach().cpu().to(torch.float64, copy=True).numpy())
    return np.asarray(value, np.float64)


class Tracer(TorchFunctionMode):
    """The tags of every tensor and the problems met, while a forward runs."""

    def __init__(self, root: torch.nn.Module, operations: "dict[str, Rule]", answers: Answers = "true") -> None:
        super().__init__()
        self.root = root
        self.operations = operations
        self.threads: list[Thread] = []
        self.reported: dict[Problem, bool] = {}
        self.modules: list[tuple[str, torch.nn.Module]] = [("", root)]
        self.suspended = 0
        self.doubtful = False
        self.answers = answers
        self.branches: dict[Problem, None] = {}
        self._asked = 0
        self.encoded: dict[str, int] = {}
        self._tags: dict[int, tuple[Tensor, Tag]] = {}
        self._layers: dict[tuple[Any, ...], tuple[tuple[Any, ...], Operation]] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.suspended:
            return func(*args, **kwargs)
        for peeked in (a for a in (*args, *kwargs.values()) if isinstance(a, Peeked)):
            peeked.refuse()
        name = _name(func)
        rule = self.operations.get(name)
        if not any(self.tag(t) for t in _tensors((args, kwargs))):
            out = func(*args, **kwargs)
            if rule is not None and name in RANDOM_FACTORIES:
                rule(self, Call(name, args, kwargs, out))
            return out
        return self._traced(func, name, args, kwargs)

    def _traced(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inplace = name.endswith("_") and not name.endswith("__")
        before = args
        if inplace and args and isinstance(args[0], Tensor):
            if name != "copy_":
                self._refuse_shared_memory(name, args[0])
            before = args if self.tag(args[0]) else (args[0].clone(), *args[1:])
        if name == "__getitem__":
            self._require_step(args)
        out = func(*args, **kwargs)
        call = Call(name.rstrip("_") if inplace else name, before, kwargs, out)
        known = self.operations.get(call.name)
        made = any(True for _ in _tensors(out))
        if known is not None and made and any(self._lost(t) for t in _tensors((args, kwargs))):
            self.opaque(call)
        elif made and (late := self._after_the_end(call)):
            self.unknown(call, f"{call.name} behind {late}", "put it in front, or leave it to the host")
        elif known is not None:
            other = known(self, call)
            if inplace and name != "copy_" and (place := place_in_base(out)) is not None:
                self._written_through(out, *place)
            return out if other is None else other
        elif made:
            self.unknown(call, f"{call.name} is not an operation of a spiking network")
        return out

    def _written_through(self, view: Tensor, buffer: Tensor, keys: tuple[Any, ...]) -> None:
        """Say of a buffer, and of other views of the same step, what was written to one of its steps."""
        self.operations["__setitem__"](self, Call("__setitem__", (buffer, keys, view), {}, None))
        tag = self.tag(view)
        for other, _ in list(self._tags.values()):
            beside = place_in_base(other)
            if tag is not None and beside is not None and beside[0] is buffer and beside[1] == keys:
                self.attach(other, tag)

    def _require_step(self, args: tuple[Any, ...]) -> None:
        tag, keys = self.tag(args[0]), args[1] if isinstance(args[1], tuple) else (args[1],)
        axis = -1 if tag is None else tag.lead.find("T")
        if 0 <= axis < len(keys) and isinstance(keys[axis], int) and keys[axis] >= args[0].shape[axis]:
            raise TooFewSteps(f"step {keys[axis]} of {args[0].shape[axis]}")

    def _refuse_shared_memory(self, name: str, changed: Tensor) -> None:
        """Refuse to change in place what another traced tensor is a view of."""
        if any(shares_memory(changed, other) for other, _ in self._tags.values()):
            self.problem(f"{name} changes a tensor that another one is a view of", "write it without the underscore")

    def tag(self, tensor: Any) -> Tag | None:
        """Return what ``tensor`` holds, None when it does not depend on the input."""
        entry = self._tags.get(id(tensor))
        return None if entry is None else entry[1]

    def attach(self, tensor: Tensor, tag: Tag) -> None:
        """Say what ``tensor`` holds; the tensor is kept, so that its identity stays its own."""
        self._tags[id(tensor)] = (tensor, tag)

    def value(self, tensor: Any, like: Tag, index: int) -> Value:
        """Return value ``index`` of an operand beside ``like``: a traced one, or plain numbers as a constant."""
        tag = self.tag(tensor)
        if tag is not None:
            return tag.values[index if len(tag.values) > 1 else 0]
        array = numbers(tensor)
        lead = max(array.ndim - len(like.shape), 0)
        if lead == len(like.lead) and len(like.values) == array.shape[0] > 1 and like.lead[0] in "TM":
            array = array[index : index + 1]
        first = array[(0,) * lead]
        shape = np.broadcast_shapes(first.shape, like.shape)
        if not np.array_equal(array, np.broadcast_to(first, array.shape)):
            what, fix = "a constant differs between the samples of a batch", "use one constant for all samples"
            return Unreadable(self.where(), (), shape, problem=self.noted(what, fix))
        return Constant(np.broadcast_to(first, shape))

    def layer(self, make: Callable[..., Operation], *parts: Any) -> Operation:
        """Return the layer of these parts, made once: weights are read again only when they are other tensors."""
        known = tuple((id(p), p._version) if isinstance(p, Tensor) else repr(p) for p in parts)
        entry = self._layers.get((make, *known))
        if entry is None:
            arrays = [numbers(p) if isinstance(p, Tensor) else p for p in parts]
            entry = self._layers[make, *known] = (parts, make(*arrays))
        return entry[1]

    def apply(self, call: Call, tag: Tag, layer: Operation, lead: str | None = None) -> None:
        """Tag the call's result as ``layer`` of every value of ``tag``."""
        lead = tag.lead if lead is None else lead
        shape = tuple(call.out.shape[len(lead) :])
        path, where = self.path or call.name.strip("_"), self.where()

        def applied(value: Value) -> Value:
            return Noise(value.where, shape) if isinstance(value, Noise) else Applied(layer, value, shape, path, where)

        values, whole = (tuple(map(applied, several)) for several in (tag.values, tag.whole))
        self.attach(call.out, Tag(values, lead, tag.decoded, tag.part, whole))

    def unknown(self, call: Call, what: str, fix: str | None = None, *, doubtful: bool = False) -> None:
        """Say that a call's results cannot be read, and why; ``doubtful`` if the layout may be another one."""
        self.doubtful |= doubtful
        problem = self.noted(what, fix or cure(call.name))
        self.opaque(call, problem)
        if not any(self.tag(t) for t in _tensors(call.out)):
            self.reported[problem] = True

    def opaque(self, call: Call, problem: Problem | None = None) -> None:
        """Tag the results of a call that cannot be read, or that follows one, so that the run goes on."""
        tags = [tag for tag in map(self.tag, _tensors((call.args, call.kwargs))) if tag]
        if not tags:
            return
        like = max(tags, key=lambda tag: (len(tag.values), tag.lead))
        at = like.lead.find("T")
        for tensor in _tensors(call.out):
            lost = tensor.ndim < len(like.lead) or (at >= 0 and tensor.shape[at] != len(like.values))
            lead, count = ("B", 1) if lost else (like.lead, len(like.values))
            shape = tuple(tensor.shape[len(lead) :])
            of = [tuple(tag.values[i if len(tag.values) > i else 0] for tag in tags) for i in range(count)]
            values = tuple(Unreadable(self.where(), v, shape, lost, problem) for v in of)
            self.attach(tensor, Tag(values, lead, like.decoded))

    def _after_the_end(self, call: Call) -> str:
        """Return how the network was read off already, if this call is more than a way of reading it off."""
        ends = {tag.decoded for tag in map(self.tag, _tensors((call.args, call.kwargs))) if tag} - {""}
        scaled = call.name in SCALES and ends <= {"sum over time", "mean over time"}
        return "" if scaled or call.name in READS else "".join(sorted(ends)[:1])

    def _lost(self, tensor: Tensor) -> bool:
        tag = self.tag(tensor)
        return tag is not None and any(isinstance(v, Unreadable) and v.lost for v in tag.values)

    def noted(self, what: str, fix: str) -> Problem:
        """Return a problem at this place, which counts if the output needs what it is about."""
        problem = Problem(self.where(), what, fix)
        self.reported.setdefault(problem, False)
        return problem

    def answer(self, true: bool) -> bool:
        """Return which way a branch on the numbers of a signal goes in this run."""
        self._asked += 1
        if self._asked > MOST_BRANCHES:
            raise RuntimeError("the forward does not end: it waits for numbers of a signal")
        what, fix = "the forward looks at the numbers of a signal", "compute the same for every input"
        self.branches[Problem(self.where(), what, fix)] = None
        flips = {"true": False, "other": True, "alternating": self._asked % 2 == 1}
        return true != flips[self.answers]

    def problem(self, what: str, fix: str, where: str | None = None) -> None:
        """Report one thing that counts whatever the output needs."""
        self.reported[Problem(where or self.where(), what, fix)] = True

    @property
    def path(self) -> str:
        """Return the path of the module whose forward runs, "" for the root."""
        return self.modules[-1][0]

    def where(self) -> str:
        """Return the module that runs and the user's line: "features.3 (GELU), net.py:17"."""
        return self._place(line_of_user())

    def where_failed(self, error: BaseException) -> str:
        """Return the module and the user's line that an error came out of."""
        trace, line = error.__traceback__, ""
        while trace is not None:
            line = users_line(trace.tb_frame, trace.tb_lineno) or line
            trace = trace.tb_next
        return self._place(line)

    def _place(self, line: str) -> str:
        path, module = self.modules[-1]
        place = f"{path} ({type(module).__name__})" if path else type(module).__name__
        return f"{place}, {line}" if line else place


Rule = Callable[[Tracer, Call], object]
"""Says what the result of a call holds, or why it cannot be said; what it returns takes the place of the result."""


def _name(func: Any) -> str:
    """Return a torch function's bare name: "conv2d", "add_", "__getitem__", "shape.__get__"."""
    name = str(getattr(func, "__name__", func))
    if name == "__get__":
        return f"{func.__self__.__name__}.__get__"
    inplace = name.startswith("__i") and name not in ("__invert__", "__int__", "__index__", "__iter__")
    return name[3:-2] + "_" if inplace else name


def _tensors(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, dict):
        yield from _tensors(tuple(tree.values()))
    elif isinstance(tree, Sequence) and not isinstance(tree, str | bytes | torch.Size):
        for branch in tree:
            yield from _tensors(branch)
