"""Who agrees with whom: the machine that deviates, the comparison, the smallest programs, and what the page says."""

import json
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import agreement
import numpy as np
import pytest
from agreeing.deviating import FLOAT, WEIGHTS, deviating, explained
from agreeing.matrix import UNEXPLAINED, compared, first_difference, smallest_of
from agreeing.plain import matrix_of, needs_of, plain, values_of
from agreeing.programs import drawn
from agreeing.report import plot, share, table
from agreeing.small import read_small, small_json, smaller
from agreeing.tools import TOOLS, Refused, Running, python_for, running

from sim.engines import run
from sim.errors import InputError, Snn2hwError, ToolError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import recordable

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def reference(program, raster):
    return values_of(program, run(program, raster, record=recordable(program), allow_wrap=True))


def one(weight, exponent=0, **registers):
    heard = (Connection("input", Dense(np.array([weight])), exponent),)
    return Program(Input((len(weight),)), (Population("p", (1,), heard, **{"vth": 1, "du": 4095} | registers),))


@pytest.fixture(scope="module")
def results():
    return json.loads((RESULTS / "agreement.json").read_text(encoding="utf-8"))


class Pretender(Running):
    """A tool that is the reference with deviations."""

    def __init__(self, *deviations, **changes):
        made = {"lacks": frozenset({"xylo", "graded input"}), "deviations": deviations, "title": "Pretender"}
        self.tool = SimpleNamespace(**made | {"name": "pretender", "without": ()} | changes)
        self.does = deviations

    def run(self, program, raster):
        missing = self.tool.lacks & needs_of(program)
        if missing:
            raise Refused("it cannot", "another")
        return deviating(program, raster, self.does)


def test_without_deviations_the_machine_is_the_reference():
    """Every value of the 180 programs of arithmetic loihi."""
    for program, raster in drawn():
        if program.arithmetic == "loihi":
            wanted = reference(program, raster)
            assert all((values == wanted[name]).all() for name, values in deviating(program, raster).items())


def test_the_programs_are_the_same_in_every_run_and_of_every_kind():
    first, second = ([(p.digest, x.tobytes()) for p, x in drawn(40)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 40
    needs = Counter(need for program, _ in drawn() for need in needs_of(program))
    assert needs["xylo"] == 20
    assert all(needs[name] > 0 for tool in TOOLS.values() for name in tool.lacks - {"loihi"})


@pytest.mark.parametrize(
    ("name", "weights", "exponent", "becomes"),
    [
        ("weights clipped to 8 bits, odd ones truncated", [-300, -3, 3, 300], 1, ([-256, -4, 2, 254], 1)),
        ("weights clipped to 8 bits, odd ones truncated", [3, 300], 0, ([3, 255], 0)),
        ("weights clipped to 8 bits, odd ones truncated", [-3, -300], 0, ([-3, -255], 0)),
        ("odd weights rounded", [-3, 1, 5, 254], 0, ([-4, 0, 4, 254], 0)),
        ("odd weights rounded", [3, 255], 0, ([3, 255], 0)),
        ("weights cut to even toward zero", [-3, 3], 2, ([-2, 2], 2)),
        ("weights shifted and floored one by one", [-3, 3], -1, ([-2, 1], 0)),
        ("weights shifted and rounded one by one", [-6, 6], -3, ([-1, 1], 0)),
        ("weights shifted and rounded one by one", [3, 5], 1, ([6, 10], 0)),
        ("exponents ignored", [3], 5, ([3], 0)),
    ],
)
def test_what_other_tools_make_of_weights(name, weights, exponent, becomes):
    made, shift = WEIGHTS[name](np.array([weights]), exponent)
    assert (made.tolist(), shift) == ([becomes[0]], becomes[1])


def test_a_convolution_as_a_matrix_delivers_what_it_delivers():
    rng = np.random.default_rng(0)
    conv = Conv(rng.integers(-9, 10, (4, 1, 3, 2)), stride=(2, 1), padding=(1, 0), groups=2)
    p = Population("p", (4, 2, 3), (Connection("input", conv),), vth=30)
    program = Program(Input((2, 4, 4)), (p,))
    flat = Population("p", (24,), (Connection("input", Dense(matrix_of(program, p, p.inputs[0]))),), vth=30)
    raster = (rng.random((2, 5, 2, 4, 4)) < 0.4).astype(np.int32)
    as_matrix = reference(Program(Input((32,)), (flat,)), raster.reshape(2, 5, -1))
    assert all((values == as_matrix[name]).all() for name, values in reference(program, raster).items())
    arrays = plain(program, raster)
    assert arrays["kernel.p.0"].tolist() == conv.weight.tolist()
    assert json.loads(str(arrays["plan"]))["populations"][0]["inputs"][0]["geometry"]["stride"] == [2, 1]


def test_a_difference_is_explained_by_the_fewest_deviations_that_give_all_values():
    program, raster = one([3, 3, 3, -1], -2, vth=100), np.ones((1, 4, 4), np.int32)  # 2; cut 1, floored -1, both 0
    cut, ignored = "weights cut to even toward zero", "exponents ignored"
    possible = (cut, "weights shifted and floored one by one", "nothing wraps or clips")
    for chosen in ((), (cut,), possible[:2]):
        assert explained(program, raster, deviating(program, raster, chosen), possible) == chosen
    assert explained(program, raster, deviating(program, raster, ("a, shifted, wraps at 22 bits",)), possible) == ()
    other = {name: values + 1 for name, values in deviating(program, raster).items()}
    assert explained(program, raster, other, possible) is None
    assert ignored in WEIGHTS


def test_a_float_run_is_explained_where_spikes_are_the_same_and_values_near():
    program, raster = one([3], -1, vth=100, dv=1000), np.ones((1, 6, 1), np.int32)
    real = deviating(program, raster, (FLOAT,))
    near = {name: values * (1 + 1e-6) if name[0] != "s" else values for name, values in real.items()}
    assert explained(program, raster, near, (FLOAT, "float32")) == (FLOAT,)
    whole = one([2], vth=100, dv=0)
    single = {n: v * (1 + 1e-6) if n[0] != "s" else v for n, v in deviating(whole, raster, (FLOAT,)).items()}
    assert explained(whole, raster, single, (FLOAT, "float32")) == ("float32",)
    off = {name: values * 1.01 for name, values in real.items()}
    assert explained(program, raster, off, (FLOAT, "float32")) is None


def test_what_is_equal_what_differs_and_what_cannot_be_said_are_counted_apart():
    tool, told = Pretender("weights cut to even toward zero"), []
    tally = compared(tool, drawn(30), told.append)
    cases = [(p, x) for p, x in drawn(30) if not tool.tool.lacks & needs_of(p)]
    same = 0
    for program, raster in cases:
        got, wanted = deviating(program, raster, tool.does), reference(program, raster)
        same += all((got[name] == wanted[name]).all() for name in got)
    assert (tally.equal, tally.equal + tally.differing, tally.unsaid) == (same, len(cases), 30 - len(cases))
    assert 0 < same < len(cases)
    assert tally.causes == {("weights cut to even toward zero",): tally.differing}
    spikes, registers = tally.values["spikes"], tally.values["registers"]
    assert spikes[1] == sum(x.shape[0] * x.shape[1] * q.size for p, x in cases for q in p.populations)
    assert registers[1] == 2 * spikes[1]
    assert registers[0] < registers[1]
    assert tally.lacking["xylo"] == 3
    assert told == list(range(30))


def test_what_nothing_explains_and_what_fails_is_said():
    tool = Pretender("weights cut to even toward zero")
    tool.tool.deviations = ("exponents ignored",)
    assert set(compared(tool, drawn(12), lambda n: None).causes) == {(UNEXPLAINED,)}

    def broken(program, raster):
        raise ToolError("it fell over", "pick it up")

    tool.run = broken
    assert compared(tool, drawn(2), lambda n: None).failed == {"it fell over": 2}


def test_the_smallest_program_has_nothing_left_to_take_away():
    tool = Pretender("weights cut to even toward zero")
    (small,) = smallest_of(tool, compared(tool, drawn(12), lambda n: None)).values()
    program, raster = read_small(json.loads(json.dumps(small)))
    weights = [abs(w) for p in program.populations for c in p.inputs for w in c.wiring.weight.reshape(-1).tolist()]
    assert len(program.populations) == 1
    assert sorted(weights) == [1, 1]  # of both signs, else a weight keeps its lowest bit
    assert first_difference((program, raster), tool.run(program, raster)) == small["first"]
    again = small_json((program, raster))
    assert {name: small[name] for name in again} == again
    kept = smaller((program, raster), lambda case: False)
    assert kept[0].digest == program.digest


@pytest.mark.parametrize(
    ("count", "said"), [([5, 5], "100 %"), ([99_999, 100_000], "99.99 %"), ([1, 3], "33.33 %"), ([0, 0], "-")]
)
def test_a_share_is_never_rounded_up_to_all(count, said):
    assert share(count) == said


def test_the_page_has_the_table_of_the_results(results):
    text = table(results)
    page = (ROOT / "docs" / "agreement.md").read_text(encoding="utf-8")
    assert text == (RESULTS / "agreement.md").read_text(encoding="utf-8")
    assert text.strip() in page
    for tool in results["tools"]:
        assert TOOLS[tool].title in text


def test_every_cell_below_all_has_a_cause_and_every_cause_its_smallest_program(results):
    assert set(results["tools"]) == set(TOOLS)
    assert results["programs"] == 200
    for name, row in results["tools"].items():
        assert row["reason"] is None or row["reason"] in table(results)
        found = [row["programs"], *row["zoo"].values()] if row["reason"] is None else []
        for tally in found:
            causes = [c["deviations"] for c in tally["causes"]]
            assert sum(c["programs"] for c in tally["causes"]) == tally["differing"], name
            assert [UNEXPLAINED] not in causes, name
            for equal, every in tally["values"].values():
                assert equal == every or causes, name
            assert {d for c in causes for d in c} <= set(row["smallest"]), name


def test_the_smallest_programs_are_the_files_and_differ_as_the_machine_that_deviates_does(results):
    kept = {path.name for path in (RESULTS / "agreement").glob("*.json")}
    listed = {s["file"] for row in results["tools"].values() for s in row["smallest"].values()}
    assert kept == listed
    for row in results["tools"].values():
        for small in row["smallest"].values():
            stored = json.loads((RESULTS / "agreement" / small["file"]).read_text(encoding="utf-8"))
            assert stored == {name: value for name, value in small.items() if name != "file"}
            case = read_small(small)
            if "float32" not in small["deviations"]:
                got = deviating(*case, small["deviations"])
                shown = {n: v for n, v in got.items() if n.split(".")[0] not in TOOLS[small["tool"]].without}
                first = first_difference(case, shown)
                assert {n: first[n] for n in ("step", "register", "expected")} == {
                    n: small["first"][n] for n in ("step", "register", "expected")
                }


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_that_is_there_differs_in_its_smallest_program_as_the_results_say(name, results):
    small = results["tools"][name]["smallest"]
    try:
        python_for(TOOLS[name])
    except Snn2hwError as error:
        pytest.skip(str(error))
    if TOOLS[name].script is None:
        assert small == {}  # nothing differs, and verify's own tests run it
        return
    pytest.importorskip({"norse": "norse", "snntorch": "snntorch"}.get(name, "numpy"))
    with running(name) as tool:
        for one_small in small.values():
            case = read_small(one_small)
            got = {n: v for n, v in tool.run(*case).items() if n.split(".")[0] not in tool.tool.without}
            assert first_difference(case, got) == one_small["first"]
        program, raster = one([2, 4], vth=3, dv=64), np.ones((1, 3, 2), np.int32)
        got = tool.run(program, raster)
        assert got["spikes.p"].tolist() == reference(program, raster)["spikes.p"].tolist()
        with pytest.raises(Refused, match="has no word for: xylo"):
            tool.run(*next((p, x) for p, x in drawn(10) if p.arithmetic == "xylo"))


def test_a_tool_that_fails_or_is_not_there_says_so(tmp_path, monkeypatch):
    script = tmp_path / "broken.py"
    script.write_text("from served import serve\nserve(lambda job: 1 / 0)\n")
    monkeypatch.setattr("agreeing.tools.SCRIPTS", tmp_path)
    tool = Running(SimpleNamespace(**vars(TOOLS["norse"]) | {"script": ("broken.py",), "title": "Broken"}), tmp_path)
    with pytest.raises(ToolError, match="Broken: ZeroDivisionError"):
        tool.run(one([1], dv=64), np.ones((1, 1, 1), np.int32))
    tool.close()
    script.write_text("import sys\nsys.exit('gone')\n")
    with pytest.raises(ToolError, match="Broken: gone"):
        tool.run(one([1], dv=64), np.ones((1, 1, 1), np.int32))
    monkeypatch.setattr("agreeing.tools.python_of", lambda peer: tmp_path / "nowhere")
    with pytest.raises(Snn2hwError, match=r"is not installed  fix: type: python benchmarks/speed\.py --install nengo"):
        python_for(TOOLS["nengo-loihi"])


def test_the_benchmark_writes_json_tables_and_picture(tmp_path, monkeypatch, results):
    monkeypatch.setattr(
        agreement, "running", lambda name: _opened(Pretender("exponents ignored", lacks=frozenset({"xylo"})))
    )
    monkeypatch.setattr(agreement, "python_for", lambda tool: Path(sys.executable))
    monkeypatch.setattr(agreement, "zoo_names", lambda: ("digits",))
    monkeypatch.setattr(agreement, "ZOO_STEPS", 2)
    monkeypatch.setattr(sys, "argv", ["agreement.py", "--only", "lava-conv", "--programs", "10", "-o", str(tmp_path)])
    assert agreement.main() == 0
    made = json.loads((tmp_path / "agreement.json").read_text())
    row = made["tools"]["lava-conv"]
    assert set(row["smallest"]) == {"exponents ignored"}
    assert (tmp_path / "agreement" / "lava-conv-1.json").exists()
    assert "exponents ignored" in (tmp_path / "agreement.md").read_text()
    assert (tmp_path / "agreement.png").stat().st_size > 5000
    monkeypatch.setattr(sys, "argv", ["agreement.py", "--only", "lava-cnov", "-o", str(tmp_path)])
    with pytest.raises(InputError, match="tool 'lava-cnov' is unknown"):
        agreement.main()
    absent = {**results, "tools": {"norse": {"reason": "not there", "programs": {}, "zoo": {}, "smallest": {}}}}
    assert "not run: not there" in table(absent)
    pytest.importorskip("matplotlib")
    plot(results, tmp_path / "all.png")


def _opened(tool):
    from contextlib import nullcontext

    return nullcontext(tool)
