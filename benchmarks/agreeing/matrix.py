"""How much of what a program does a tool does too: counted value by value, each difference with its cause."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agreeing.deviating import explained
from agreeing.plain import Values, needs_of, values_of
from agreeing.small import small_json, smaller
from agreeing.tools import Refused, Running
from sim.engines import run
from sim.errors import Snn2hwError
from sim.order import step_order
from sim.program import Program
from sim.trace import recordable

__all__ = ["UNEXPLAINED", "Tally", "compared", "first_difference", "smallest_of"]

Case = tuple[Program, Any]
UNEXPLAINED = "not explained"


@dataclass(eq=False)
class Tally:
    """What one tool did with some programs."""

    equal: int = 0
    differing: int = 0
    unsaid: int = 0
    values: dict[str, list[int]] = field(default_factory=lambda: {"spikes": [0, 0], "registers": [0, 0]})
    causes: Counter[tuple[str, ...]] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, ...], Case] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what the results keep."""
        return {
            "equal": self.equal,
            "differing": self.differing,
            "unsaid": self.unsaid,
            "values": self.values,
            "causes": [{"deviations": list(names), "programs": n} for names, n in self.causes.most_common()],
            "lacking": dict(self.lacking.most_common()),
            "failed": dict(self.failed),
        }


def expected_of(case: Case) -> Values:
    program, raster = case
    return values_of(program, run(program, raster, record=recordable(program), allow_wrap=True))


def _shown(running: Running, got: Values) -> dict[str, Any]:
    return {name: v for name, v in got.items() if name.split(".")[0] not in running.tool.without}


def compared(running: Running, cases: Iterable[Case], progress: Callable[[int], object]) -> Tally:
    """Run every program on a tool and count."""
    tally = Tally()
    for number, case in enumerate(cases):
        progress(number)
        try:
            got = _shown(running, running.run(*case))
        except Refused:
            tally.unsaid += 1
            tally.lacking.update(running.tool.lacks & needs_of(case[0]) or {"by the format"})
            continue
        except Snn2hwError as error:
            tally.failed[error.what[:200]] += 1
            continue
        wanted, same = expected_of(case), True
        for name, values in got.items():
            count = tally.values["spikes" if name.startswith("spikes.") else "registers"]
            equal = values == wanted[name]
            count[0] += int(equal.sum())
            count[1] += equal.size
            same = same and bool(equal.all())
        tally.equal += same
        tally.differing += not same
        if not same:
            cause = _cause(running, case, got)
            tally.causes[cause] += 1
            tally.examples.setdefault(cause, case)
    return tally


def _cause(running: Running, case: Case, got: Values) -> tuple[str, ...]:
    if case[0].arithmetic != "loihi":
        return (UNEXPLAINED,)
    return explained(*case, got, running.tool.deviations) or (UNEXPLAINED,)


def smallest_of(running: Running, tally: Tally) -> Mapping[str, dict[str, Any]]:
    """Return, by deviation, the smallest program that shows it: alone where it was met alone."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted({name for cause in tally.examples for name in cause}):
        cause = min((c for c in tally.examples if name in c), key=len)

        def fails(case: Case, cause: tuple[str, ...] = cause) -> bool:
            try:
                got = _shown(running, running.run(*case))
                wanted = expected_of(case)
            except Snn2hwError:
                return False
            differs = any((values != wanted[key]).any() for key, values in got.items())
            return differs and _cause(running, case, got) == cause

        case = smaller(tally.examples[cause], fails)
        got = _shown(running, running.run(*case))
        found[name] = {
            "tool": running.tool.name,
            "deviations": list(cause),
            "first": first_difference(case, got),
            **small_json(case),
        }
    return found


def first_difference(case: Case, got: Values) -> dict[str, Any]:
    """Return the earliest value that differs, in the order in which a step computes it."""
    wanted = expected_of(case)
    for t in range(case[1].shape[1]):
        for p in step_order(case[0].populations):
            for kind in ("u", "v", "spikes"):
                name = f"{kind}.{p.name}"
                if name not in got:
                    continue
                off = np.argwhere(got[name][:, t] != wanted[name][:, t])
                if len(off):
                    b, n = (int(i) for i in off[0])
                    here, there = wanted[name][b, t, n], got[name][b, t, n]
                    place = {"population": p.name, "neuron": n, "step": t, "sample": b, "register": kind}
                    return {**place, "expected": int(here), "got": float(there)}
    raise ValueError("nothing differs")
