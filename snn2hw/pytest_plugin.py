"""What a test of one's own network asks for: fixtures that pytest offers wherever snn2hw is installed.

def test_the_program_is_the_network(assert_bit_exact, assert_golden):
    assert_bit_exact("P.nir", raster, against=("fast", "onnx", "c"))
    assert_golden("P.nir", raster, "golden/P.npz")          # `pytest --snn2hw-golden` writes it anew
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sim.program import Program

__all__ = ["assert_bit_exact", "assert_golden", "pytest_addoption"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that writes golden traces anew."""
    group = parser.getgroup("snn2hw")
    group.addoption("--snn2hw-golden", action="store_true", help="write the traces of assert_golden anew")


@pytest.fixture
def assert_bit_exact() -> Callable[..., None]:
    """Return a function that fails, with the first difference, unless executors agree in every spike, u and v."""

    def check(
        program: "Program | Path | str", raster: "ArrayLike", *, against: Sequence[str] = ("fast",), **more: Any
    ) -> None:
        from snn2hw.verification import verify

        __tracebackhide__ = True
        verdict = verify(_program(program), raster, against, **more)
        if not verdict.equal:
            pytest.fail(str(verdict), pytrace=False)

    return check


@pytest.fixture
def assert_golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that fails unless a program does, step by step, what the trace in a file says."""
    anew = bool(request.config.getoption("--snn2hw-golden"))

    def check(program: "Program | Path | str", raster: "ArrayLike", golden: Path | str) -> None:
        from sim.engines import run
        from sim.trace import recordable
        from snn2hw.files.rasters import write_trace

        __tracebackhide__ = True
        found = _program(program)
        trace = run(found, raster, record=recordable(found))
        if anew:
            Path(golden).parent.mkdir(parents=True, exist_ok=True)
            write_trace(golden, trace)
            return
        if not Path(golden).exists():
            pytest.fail(f"{golden}: no such file  fix: write it once, pytest --snn2hw-golden", pytrace=False)
        if difference := _difference(trace, golden):
            pytest.fail(f"{golden}: {difference}", pytrace=False)

    return check


def _program(program: "Program | Path | str") -> "Program":
    if isinstance(program, str | Path):
        from exporters.program_file import read_program
        from snn2hw.zoo import located

        return read_program(located(str(program)))
    return program


def _difference(trace: Any, golden: Path | str) -> str | None:
    """Return where a trace first differs from the one in a file."""
    import numpy as np

    from snn2hw.files.rasters import read_npz, trace_arrays

    stored, now = read_npz(golden), trace_arrays(trace)
    if str(stored.get("digest")) != str(now["digest"]):
        return f"is of program {str(stored.get('digest'))[:12]}, not {str(now['digest'])[:12]}"
    if stored.keys() != now.keys():
        return f"holds {', '.join(sorted(stored))}, not {', '.join(sorted(now))}"
    for name in sorted(now):
        before, after = np.asarray(stored[name]), np.asarray(now[name])
        if before.shape != after.shape:
            return f"{name} is {before.shape}, now {after.shape}"
        if (before != after).any():
            at = tuple(int(i) for i in np.argwhere(before != after)[0])
            return f"{name}{list(at)} is {before[at]}, now {after[at]}"
    return None
