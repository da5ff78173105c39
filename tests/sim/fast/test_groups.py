"""A batch in groups: every sample once, an error ends it, and what the vector kernels cannot take is said."""

import threading

import numpy as np
import pytest

from sim.errors import InputError
from sim.fast import engine, plan
from sim.fast.groups import in_groups
from sim.fast.layout.laid_out import lay_out
from sim.fast.readiness import missing
from sim.fast.vector import jit
from sim.program import Connection, Dense, Input, Population, Program
from sim.request import Request


@pytest.mark.parametrize("threads", [1, 2, 5, None])
@pytest.mark.parametrize("batch", [1, 7, 200])
def test_every_sample_is_run_once_and_told_once(batch, threads):
    seen, told, lock = [], [], threading.Lock()

    def run(first, to):
        with lock:
            seen.extend(range(first, to))

    in_groups(batch, run, threads, told.append)
    assert sorted(seen) == list(range(batch))
    assert sum(told) == batch
    in_groups(batch, run, threads, None)
    assert len(seen) == 2 * batch


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_one_group_is_raised(threads):
    def run(first, to):
        if first:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_groups(300, run, threads, None)


def _wide():
    """A sum that 32 bits do not hold, though no input of ones reaches it."""
    wide = Connection("input", Dense(np.full((1, 4), 127)), exponent=7)
    return Program(Input((4,), hi=1 << 18), (Population("p", (1,), (wide,)),))


def test_what_the_vector_kernels_do_not_take_is_refused_where_they_are_asked_for():
    raster = np.ones((1, 2, 4), np.int32)
    with pytest.raises(InputError, match="vector kernels do not take this program"):
        engine.simulate(_wide(), raster, Request(), kernels="portable")


def test_a_form_that_this_cpu_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(plan, "best", lambda: plan.FORMS["portable"])
    small = Program(Input((2,)), (Population("p", (2,), (Connection("input", Dense(np.eye(2, dtype=int))),)),))
    with pytest.raises(InputError, match="this CPU has no AVX-512"):
        engine.simulate(small, np.ones((1, 2, 2), np.uint8), Request(), kernels="avx512")


def test_memory_that_is_too_large_to_keep_is_taken_anew_and_changes_nothing(monkeypatch):
    small = Program(Input((2,)), (Population("p", (2,), (Connection("input", Dense(np.eye(2, dtype=int) * 99)),)),))
    raster = np.ones((3, 4, 2), np.uint8)
    kept = engine.simulate(small, raster, Request())
    layout = lay_out(small)
    assert plan._plans[layout].spare
    plan._plans[layout].spare.clear()
    monkeypatch.setattr(plan, "SPARE_BYTES", 0)
    again = engine.simulate(small, raster, Request())
    assert plan._plans[layout].spare == []
    assert (again.output == kept.output).all()


def test_nothing_is_missing_of_a_program_of_several_spikes_a_message_that_has_been_run():
    several = Program(Input((1,)), (Population("p", (1,), (Connection("input", Dense([[9]])),), most=3, vth=1),))
    engine.simulate(several, np.ones((1, 5, 1), np.uint8), Request())
    assert missing(several, 5, ("spikes",)).loops == ()
    assert missing(several, 5, ("spikes",)).kernels == 0


def test_on_a_machine_without_a_folder_for_a_cache_kernels_are_compiled_all_the_same(monkeypatch):
    asked = []

    def njit(*, cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(jit.numba, "njit", njit)
    assert jit.kernel(kept := lambda: 7) is kept
    assert asked == [True, False]
