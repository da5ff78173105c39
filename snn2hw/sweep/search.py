"""Which settings are tried: all of a grid, some drawn at random, or what Optuna asks for in view of what others gave.

`batches` is a generator: it yields settings and is sent what they gave, in their order (None: failed). The same study
asks for the same settings wherever it was interrupted, and however many processes do the work.
"""

import itertools
from collections.abc import Generator
from typing import Any

import numpy as np

from sim.cures import install
from sim.errors import InputError, MissingToolError
from snn2hw.sweep.study import MOST_SETTINGS, Choices, Range, Setting, Study, Value

__all__ = ["Batches", "batches", "corners"]

Batches = Generator[list[Setting], list[float | None], None]


def batches(study: Study) -> Batches:
    """Yield settings, batch by batch."""
    match study.search.method:
        case "grid":
            yield _grid(study)
        case "random":
            yield _random(study)
        case _:
            yield from _bayes(study)


def corners(study: Study) -> list[Setting]:
    """Return settings among which every value of every list occurs, and both ends of every range."""
    ends = {axis.name: axis.values if isinstance(axis, Choices) else _ends(axis) for axis in study.axes}
    first = {name: values[0] for name, values in ends.items()}
    return [first, *({**first, name: value} for name, values in ends.items() for value in values[1:])]


def _ends(axis: Range) -> tuple[Value, ...]:
    return _typed(axis, axis.low), _typed(axis, axis.high)


def _steps(axis: Range) -> list[Value]:
    """Return the numbers of a range: every step of it, or its ends."""
    step = axis.step or (1 if axis.whole else axis.high - axis.low)
    count = int((axis.high - axis.low) / step + 1e-9) + 1
    if count > MOST_SETTINGS:
        return list(_ends(axis))
    return [_typed(axis, axis.low + i * step) for i in range(count)]


def _typed(axis: Range, value: float) -> Value:
    return int(value) if axis.whole else float(value)


def _grid(study: Study) -> list[Setting]:
    lists = [axis.values if isinstance(axis, Choices) else _steps(axis) for axis in study.axes]
    count = int(np.prod([len(values) for values in lists], dtype=object))
    if count > MOST_SETTINGS:
        raise InputError(f"a grid of {count} settings", f"have at most {MOST_SETTINGS}, or draw some at random")
    names = [axis.name for axis in study.axes]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*lists)]


def _random(study: Study) -> list[Setting]:
    rng = np.random.default_rng(study.search.seed)
    return [{axis.name: _drawn(axis, rng) for axis in study.axes} for _ in range(study.search.trials)]


def _drawn(axis: Choices | Range, rng: np.random.Generator) -> Value:
    if isinstance(axis, Choices):
        return axis.values[int(rng.integers(len(axis.values)))]
    if axis.step is not None:
        steps = _steps(axis)
        return steps[int(rng.integers(len(steps)))]
    if axis.whole and not axis.log:
        return int(rng.integers(int(axis.low), int(axis.high) + 1))
    low, high = (np.log(axis.low), np.log(axis.high)) if axis.log else (axis.low, axis.high)
    drawn = float(rng.uniform(low, high))
    value = min(max(float(np.exp(drawn)) if axis.log else drawn, axis.low), axis.high)
    return _typed(axis, round(value) if axis.whole else value)


def _bayes(study: Study) -> Batches:
    try:
        import optuna
    except ImportError as error:
        raise MissingToolError(f"a Bayesian search needs Optuna ({error})", install("optuna")) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = study.search
    sampler = optuna.samplers.TPESampler(seed=search.seed, n_startup_trials=min(10, max(1, search.trials // 2)))
    direction: Any = search.direction  # Optuna's types want its literals
    asked = optuna.create_study(direction=direction, sampler=sampler)
    spaces = {axis.name: _distribution(optuna, axis) for axis in study.axes}
    for begun in range(0, search.trials, search.batch):
        trials = [asked.ask(spaces) for _ in range(min(search.batch, search.trials - begun))]
        found = yield [{axis.name: _value(axis, trial.params[axis.name]) for axis in study.axes} for trial in trials]
        for trial, value in zip(trials, found, strict=True):
            if value is None:
                asked.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                asked.tell(trial, value)


def _distribution(optuna: Any, axis: Choices | Range) -> Any:
    if isinstance(axis, Choices):
        return optuna.distributions.CategoricalDistribution(list(range(len(axis.values))))
    if axis.whole:
        low, high = int(axis.low), int(axis.high)
        return optuna.distributions.IntDistribution(low, high, log=axis.log, step=int(axis.step or 1))
    return optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def _value(axis: Choices | Range, asked: Any) -> Value:
    return axis.values[int(asked)] if isinstance(axis, Choices) else _typed(axis, asked)
