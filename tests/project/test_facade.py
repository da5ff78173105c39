"""The facade refuses what it was not meant for with one message, and takes one name where it takes several."""

import numpy as np
import pytest

import snn2hw as sw


@pytest.fixture(scope="module")
def case():
    first = sw.Population("first", (2,), (sw.Connection("input", sw.Dense([[70, 0], [0, 70]])),), vth=1)
    return sw.Program(sw.Input((2,)), (first,)), np.ones((1, 5, 2), np.uint8)


@pytest.mark.parametrize(
    "arrow",
    [
        sw.compile,
        sw.check,
        sw.lower,
        lambda given: sw.float_reference(given, []),
        lambda given: sw.tune(given, np.ones((2, 3, 4), int), np.zeros(2, int)),
        sw.to_nir,
        lambda given: sw.write_nir(given, "nowhere.nir"),
    ],
    ids=["compile", "check", "lower", "float_reference", "tune", "to_nir", "write_nir"],
)
@pytest.mark.parametrize("given", [None, "net.nir"])
def test_what_is_no_source_is_refused_by_name(arrow, given):
    with pytest.raises(sw.Snn2hwError, match=rf"a {type(given).__name__} is no Source  fix: give a Source: from_norse"):
        arrow(given)


@pytest.mark.parametrize(
    "arrow",
    [
        sw.run,
        sw.verify,
        sw.energy,
        lambda given, raster: sw.export(given, "c", "nowhere", raster),
        lambda given, _: sw.write_program(given, "nowhere.nir"),
    ],
    ids=["run", "verify", "energy", "export", "write_program"],
)
@pytest.mark.parametrize(("given", "named"), [("P.nir", "'P.nir'"), (None, "a NoneType")])
def test_what_is_no_program_is_refused_by_name(case, arrow, given, named):
    with pytest.raises(sw.Snn2hwError, match=rf"{named} is no Program  fix: give a Program, such as read_program"):
        arrow(given, case[1])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # Norse's
def test_what_is_no_module_is_refused_by_name():
    with pytest.raises(sw.Snn2hwError, match=r"a int is no torch.nn.Module"):
        sw.from_norse(3, (1, 2))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # Norse's
@pytest.mark.parametrize("shape", [3, None, "ab", (1.5, 2)])
def test_what_is_no_shape_is_refused(shape):
    torch = pytest.importorskip("torch")
    with pytest.raises(sw.Snn2hwError, match="is no shape  fix: give that of one step of one sample"):
        sw.from_norse(torch.nn.Linear(2, 2), shape)


def test_tables_are_looked_up_before_the_run_and_one_may_stand_alone(case):
    program, raster = case
    assert [c.table.name for c in sw.energy(program, raster, tables="cmos45_int8").snn] == ["cmos45_int8"]
    for wrong, message in ((("nothing",), "price table 'nothing' is unknown"), ((), "no price table is named")):
        with pytest.raises(sw.Snn2hwError, match=message):
            sw.energy(program, raster, tables=wrong, engine="no engine is asked")


def test_one_name_may_stand_for_a_tuple_of_one(case):
    program, raster = case
    trace = sw.run(program, raster, record="spikes", clip_free="first")
    assert list(trace.spikes) == ["first"]
    assert not trace.u
    verdict = sw.verify(program, raster, against="fast")
    assert [row.executor for row in verdict.rows] == ["reference", "fast"]
    assert verdict.equal


def test_the_types_of_what_is_returned_are_public(case):
    program, raster = case
    assert isinstance(sw.run(program, raster), sw.Trace)
    assert isinstance(sw.verify(program, raster, against=()), sw.Verdict)
    assert issubclass(sw.Snn2hwError, Exception)
