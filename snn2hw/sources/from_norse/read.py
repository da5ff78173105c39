"""Read a Norse module into a `Source`: try how it wants its input, follow the output back, write one step down."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Literal

from sim.errors import InputError, Snn2hwError
from snn2hw.problems import Problem, ProblemsError, refuse
from snn2hw.sources.semantics import NORSE
from snn2hw.sources.source import Source

if TYPE_CHECKING:
    import torch

    from snn2hw.sources.expression.operations import Shape
    from snn2hw.sources.from_norse.needed import Needed
    from snn2hw.sources.from_norse.settle import Settled
    from snn2hw.sources.from_norse.tracing import CalledAs, TracedRun

__all__ = ["Layout", "NorseReading", "from_norse", "read_norse"]

Layout = Literal["auto", "step", "time_first", "batch_first", "static"]
"""How a module reads its input."""

LONGER = (3, 8)
"""How many steps longer a network is run to see whether it is the same; the second time where a number of its own, such
as that of a division by 4, was taken for the number of steps."""


def from_norse(
    module: "torch.nn.Module",
    input_shape: Sequence[int],
    *,
    layout: Layout = "auto",
    steps: int | None = None,
    output: int | str | None = None,
) -> Source:
    """Return the exact meaning of a Norse module, or one report of everything in it that cannot be said.

    The module's own forward is run a few steps on zeros and written down, so any way of threading the state will do:
    loops over time, ``SequentialState``, ``Lift``, ``RecurrentSequential``, Norse's step functions. Parameters are
    taken in the dtype in which Norse multiplies them. What the output does not need is left out.

    Args:
        module: any ``torch.nn.Module``; it is run in evaluation mode and left as it was.
        input_shape: the shape of one step of one sample, without time and batch; of the image if ``layout="static"``.
        layout: how the module reads its input. "step": (B, *input_shape) and the state, once per step. "time_first",
            "batch_first": all steps at once, (T, B, *input_shape) or (B, T, *input_shape). "static": one image
            (B, *input_shape), of which it makes steps itself, by an encoder or by reading it in every step. "auto":
            what works, tried in the order of what its layers and its signature suggest.
        steps: how many steps to run; found by trying, also for a forward that counts them itself.
        output: which output to read of a module that returns several, by its place or name; the first one by default.

    Raises:
        ProblemsError: everything unsupported at once, each with its place and what to write instead.
    """
    return read_norse(module, input_shape, () if layout == "auto" else (layout,), steps=steps, output=output).source


@dataclass(frozen=True)
class NorseReading:
    """What was read of a module: in which layout, and what its forward does with the readout, which is left out."""

    source: Source
    layout: "CalledAs"
    decoded: str


def read_norse(
    module: "torch.nn.Module",
    input_shape: Sequence[int],
    layouts: Sequence["CalledAs"] = (),
    *,
    steps: int | None = None,
    output: int | str | None = None,
) -> NorseReading:
    """Read a module as `from_norse` does, in the first of some layouts that gives a network; none: all are tried."""
    import torch

    from snn2hw.sources.from_norse.steps import layouts_to_try

    if not isinstance(module, torch.nn.Module):
        raise InputError(f"a {type(module).__name__} is no torch.nn.Module", "give the network itself")
    try:
        shape = tuple(index(n) for n in input_shape)
    except TypeError:
        fix = "give that of one step of one sample, such as (1, 32, 32)"
        raise InputError(f"input_shape {input_shape!r} is no shape", fix) from None
    if steps is not None and steps < 2:
        raise InputError(f"steps {steps}", "run 2 or more: one step does not show what a state does")
    asked = _Asked(module, shape, steps, output, f"norse: {type(module).__name__}")
    failures = []
    for each in layouts or layouts_to_try(module):
        attempt = _attempt(asked, each)
        if attempt.reading is not None:
            return attempt.reading
        failures.append(attempt)
        if not attempt.doubtful:
            break
    raise next((f for f in failures if not f.doubtful), failures[0]).error


@dataclass(frozen=True)
class _Attempt:
    """What came of one layout; ``doubtful`` says that another one may do better."""

    reading: NorseReading | None
    error: Snn2hwError
    doubtful: bool = False


@dataclass(frozen=True)
class _Asked:
    """What the caller wants read."""

    module: "torch.nn.Module"
    shape: "Shape"
    steps: int | None
    output: int | str | None
    origin: str


@dataclass(frozen=True)
class _ReadNetwork:
    """One step of the network with its notes; ``key`` is the same for two readings that are the same network."""

    settled: "Settled"
    dt: float
    notes: tuple[str, ...]

    @property
    def key(self) -> tuple[object, ...]:
        layers = [(layer.name, layer.reads.key, repr(layer.neurons)) for layer in self.settled.step.layers]
        return (self.settled.input_shape, self.settled.step.output.key, self.settled.step.decoded, *layers)


def _attempt(asked: _Asked, layout: "CalledAs") -> _Attempt:
    from snn2hw.sources.from_norse.steps import trace_enough
    from snn2hw.sources.from_norse.tracer import TooFewSteps

    try:
        run, fixed = trace_enough(asked.module, asked.shape, layout, asked.steps, asked.origin)
    except Snn2hwError as error:
        return _Attempt(None, error, doubtful=True)
    few = not any(len(t.inputs) > 1 for t in run.threads)
    if layout == "static" and few:
        fix = 'let the forward run its layers in a loop over the steps, or name its layout, such as layout="step"'
        problem = Problem("forward", "runs no layer of neurons twice for one image", fix)
        return _Attempt(None, ProblemsError(asked.origin, [problem]), doubtful=True)
    try:
        reading = _reading(asked, run, fixed)
        if run.branches:
            _require_same_either_way(asked, run, reading, fixed)
        if not fixed and asked.steps is None:
            reading = _confirmed(asked, run, reading)
        source, decoded = _source(asked, reading), reading.settled.step.decoded or ""
        return _Attempt(NorseReading(source, layout, decoded), InputError(asked.origin))
    except ProblemsError as error:
        return _Attempt(None, error, doubtful=run.doubtful or few)
    except TooFewSteps as error:
        problem = Problem("forward", f"reads {error}", "let it count the steps of its input")
        return _Attempt(None, ProblemsError(asked.origin, [problem]))
    except Snn2hwError as error:
        return _Attempt(None, error)


def _confirmed(asked: _Asked, run: "TracedRun", reading: _ReadNetwork) -> _ReadNetwork:
    """Return what is read of longer runs as well, or refuse a network that depends on how long it runs."""
    from snn2hw.sources.from_norse.steps import steps_run
    from snn2hw.sources.from_norse.tracing import trace

    keys = [reading.key]
    for longer in LONGER:
        steps = run.steps + longer
        longer_run = trace(asked.module, asked.shape, run.layout, steps, asked.origin)
        if steps_run(longer_run) == run.steps:
            return _reading(asked, run, fixed=True)
        other = _reading(asked, longer_run, fixed=False)
        if other.key in keys:
            return other
        keys.append(other.key)
    what = f"computes something else in a run of {run.steps + LONGER[0]} steps than in one of {steps}"
    fix = "compute the same in every step; a leaky sum over the steps is a LIBoxCell"
    raise ProblemsError(asked.origin, [Problem(type(asked.module).__name__, what, fix)])


def _require_same_either_way(asked: _Asked, run: "TracedRun", reading: _ReadNetwork, fixed: bool) -> None:
    """Refuse branches on the numbers of a signal unless the network is the same whichever way they go."""
    from snn2hw.sources.from_norse.tracing import trace

    for answers in ("other", "alternating"):
        try:
            again = trace(asked.module, asked.shape, run.layout, run.steps, asked.origin, answers)
            same = _reading(asked, again, fixed).key == reading.key
        except Snn2hwError:
            same = False
        if not same:
            raise ProblemsError(asked.origin, run.branches)


def _reading(asked: _Asked, run: "TracedRun", fixed: bool) -> _ReadNetwork:
    """Return what a traced run is, or raise everything that keeps it from being a network."""
    from snn2hw.sources.from_norse.fold import fold
    from snn2hw.sources.from_norse.heads import chosen
    from snn2hw.sources.from_norse.needed import needed
    from snn2hw.sources.from_norse.settle import settle

    name, others = chosen(run.heads, asked.output, asked.origin)
    tags = [heads.tags[name] for heads in run.heads if name in heads.tags]
    found = needed([v for tag in tags for v in tag.whole or tag.values], run.threads)
    refuse(asked.origin, _trace_problems(asked.module, run, found, bool(tags)))
    threads = [run.threads[n] for n in sorted(found.threads)]
    length = max(len(t.inputs) for t in threads) if run.layout == "static" else run.steps
    folded = fold(threads, tags, length)
    refuse(asked.origin, list(folded.problems))
    assert folded.step is not None
    settled = settle(folded.step, found)
    refuse(asked.origin, list(settled.problems))
    notes = [*settled.notes, *_left_out(run, found, name, others)]
    notes += [f"steps: {length}, fixed in the forward"] if fixed else []
    return _ReadNetwork(settled, float(threads[0].cell.dt), tuple(notes))


def _source(asked: _Asked, reading: _ReadNetwork) -> Source:
    """Write one step as a Source."""
    from snn2hw.sources.expression.emit import emit
    from snn2hw.sources.expression.flat import flattened
    from snn2hw.sources.graph import assemble

    written = flattened(reading.settled.step)
    refuse(asked.origin, written.problems)
    emitted = emit(written.step, reading.settled.input_shape, reading.dt)
    refuse(asked.origin, emitted.problems)
    notes = [*reading.notes, *written.notes, *emitted.notes]
    notes += [f"output: {written.step.decoded}"] if written.step.decoded else []
    graph = assemble(emitted.nodes, emitted.edges, asked.origin)
    return Source(graph, reading.dt, "euler", "value", asked.origin, semantics=NORSE, notes=tuple(notes))


def _trace_problems(module: "torch.nn.Module", run: "TracedRun", found: "Needed", has_output: bool) -> list[Problem]:
    """Return what keeps the output from being read, in the order in which it was met."""
    problems = [p for p, always in run.reported.items() if always or p in found.problems]
    problems += [p for p in found.problems if p not in run.reported]
    if not has_output and not problems:
        problems += list(run.reported)
    if not problems and not run.threads:
        fix = "use Norse neurons; to turn a network of ReLUs into a spiking one use `snn2hw convert`"
        problems.append(Problem(type(module).__name__, "holds no neuron", fix))
    elif not problems and not (has_output and found.threads):
        what = f"the output is a {run.heads[-1].kind} that does not depend on the input"
        what = "the output depends on no neuron" if has_output else what
        problems.append(Problem(type(module).__name__, what, "return the output tensor, or (output, state)"))
    return problems


NO_NODE = "has no NIR node"
"""How the report of a layer ends that Norse has and NIR has not."""


def _left_out(run: "TracedRun", found: "Needed", name: str, others: list[str]) -> list[str]:
    """Name the outputs and the layers that the program has not."""
    notes = (
        [f"output {name!r} is read; left out: output {', '.join(map(repr, others))} (output= chooses)"]
        if others
        else []
    )
    dead = [t.path for t in run.threads if t.index not in found.threads]
    dead += [p.where for p in run.reported if p not in found.problems and p.what.endswith(NO_NODE)]
    return notes + ([f"left out, since the output does not need it: {', '.join(dead)}"] if dead else [])
