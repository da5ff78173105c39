"""What a report is made of: files told by their content, activity counted as a run counts it, sounds as they were."""

import base64
import io
import json
import wave

import numpy as np
import pytest

import snn2hw as sw
from exporters.program_file import read_program, write_program
from sim.errors import FileError, InputError
from sim.trace import recordable
from snn2hw.commands import main
from snn2hw.files.rasters import read_raster
from snn2hw.page import observed as observing
from snn2hw.page import write
from snn2hw.page.collect import collect
from snn2hw.page.compose import dossier_of
from snn2hw.page.material import Material, Sounding
from snn2hw.page.observed import observe, see
from snn2hw.page.sections.activity import activity_section
from snn2hw.page.sections.examples import wav_of
from tests.page.making import charts_of, section_of, table_of


@pytest.fixture
def whole(whole_folder):
    return collect([whole_folder])


def test_activity_is_what_a_run_counts(whole, whole_folder):
    program = read_program(whole_folder / "tones.nir")
    spikes = read_raster(whole_folder / "test.npz").spikes
    trace = sw.run(program, spikes, record=("spikes",))
    for p in program.populations:
        assert (whole.observed.spikes[p.name] == trace.spikes[p.name].sum(axis=(0, 1))).all()
        assert (whole.observed.by_step[p.name] == trace.spikes[p.name].sum(axis=(0, 2))).all()
        assert whole.observed.synops[p.name] == trace.counts.synops[p.name].mean()


def test_pieces_count_what_the_whole_counts(whole, monkeypatch):
    spikes = whole.raster.spikes
    at_once = observe(whole.program, spikes)
    monkeypatch.setattr(observing, "RECORDED_BYTES", 1)
    in_pieces = observe(whole.program, spikes)
    for name in at_once.spikes:
        assert (at_once.spikes[name] == in_pieces.spikes[name]).all()
        assert (at_once.by_step[name] == in_pieces.by_step[name]).all()
    assert at_once.synops == in_pieces.synops
    assert (at_once.output == in_pieces.output).all()
    seen = see(whole.program, [("one", spikes[0])])[0]
    assert (len(seen.raster), seen.whole) == (1, spikes.shape[1])


def test_what_is_seen_is_every_state_of_the_run(whole):
    trace = sw.run(whole.program, whole.raster.spikes[:1], record=recordable(whole.program))
    for name, values in trace.v.items():
        assert (whole.seen[0].registers["v"][name] == values[0].reshape(len(values[0]), -1)).all()


def test_silent_and_saturated_neurons_are_counted():
    wired = sw.Connection("input", sw.Dense(np.diag([0, 1, 64])))
    program = sw.Program(sw.Input((3,)), (sw.Population("p", (3,), (wired,), vth=30, du=4095, dv=0),))
    spikes = np.ones((2, 60, 3), dtype=np.uint8)
    section = activity_section(Material(program, "p", observed=observe(program, spikes)))
    row = dict(zip([c.id for c in section.tables[0].columns], section.tables[0].rows[0], strict=True))
    assert (row["neurons"], row["silent"], row["saturated"]) == (3, 1, 1)


def test_the_membranes_drawn_are_those_of_neurons_that_fire():
    weight = np.zeros((40, 1), dtype=int)
    weight[[7, 23, 31]] = [[5], [9], [20]]
    wired = sw.Connection("input", sw.Dense(weight))
    program = sw.Program(sw.Input((1,)), (sw.Population("p", (40,), (wired,), vth=30, du=4095, dv=0),))
    seen = see(program, [("one", np.ones((30, 1), dtype=np.uint8))])
    material = Material(program, "p", observed=observe(program, np.ones((1, 30, 1), dtype=np.uint8)), seen=seen)
    chart = next(c for c in activity_section(material).charts if c.id == "activity.membranes")
    assert {"neuron 7", "neuron 23", "neuron 31"} <= set(chart.views[0].data["names"])
    assert chart.views[0].data["level"] == 30 << 6


def test_a_sound_on_the_page_is_the_sound_that_was_fed():
    samples = np.sin(np.arange(3000) / 9).astype(np.float32)
    with wave.open(io.BytesIO(base64.b64decode(wav_of(Sounding("s", samples, 8000))))) as sound:
        assert (sound.getframerate(), sound.getnframes(), sound.getsampwidth()) == (8000, 3000, 2)
        heard = np.frombuffer(sound.readframes(3000), "<i2")
    assert np.abs(heard - samples * 32767).max() <= 0.5


def test_a_program_of_the_zoo_hears_sounds_and_names_them(tmp_path):
    import soundfile

    rng = np.random.default_rng(0)
    for index in range(2):
        soundfile.write(tmp_path / f"zero_{index}.wav", rng.normal(0, 0.1, 8000 + 900 * index), 8000)
    assert (
        main(["report", "zoo:digits", *map(str, sorted(tmp_path.glob("*.wav"))), "-o", str(tmp_path / "r.html")]) == 0
    )
    found = json.loads((tmp_path / "r.json").read_text())
    examples = section_of(found, "examples")["examples"]
    assert [e["title"] for e in examples] == ["zero_0", "zero_1"]
    assert {e["label"] for e in examples} == {"zero"}
    assert all(e["sound"] and e["right"] == (e["answer"] == "zero") for e in examples)
    assert "Left out" in " ".join(section_of(found, "made")["said"])
    commands = [row["command"] for row in table_of(section_of(found, "made"), "made.commands")]
    assert commands[0].startswith("snn2hw train fsdd --stream")


def test_what_is_of_another_program_is_refused_by_name_and_passed_over_in_a_folder(whole_folder, tmp_path):
    program = read_program(whole_folder / "tones.nir")
    other = sw.Program(program.input, program.populations, record={**program.record, "origin": "another"})
    write_program(other, tmp_path / "other.nir")
    for name in ("verdict.json", "test.npz"):
        (tmp_path / name).write_bytes((whole_folder / name).read_bytes())
    with pytest.raises(InputError, match=r"verdict\.json: is of program"):
        collect([tmp_path / "other.nir", tmp_path / "verdict.json"])
    material = collect([tmp_path])
    assert material.verdict is None
    assert "verdict.json" in material.left_out[0]
    assert "Left out" in " ".join(dossier_of(material).sections[-1].said)


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("verdict", lambda f: f.update(rows=5)),
        ("verdict", lambda f: f["rows"].append({"executor": "c"})),
        ("energy", lambda f: f.update(snn=[{"table": "x"}])),
        ("energy", lambda f: f["per_inference"].update(synops=None)),
        ("place", lambda f: f["per_core"][0].pop("utilisation")),
        ("place", lambda f: f.update(latency_s_per_step="soon")),
        ("accuracy", lambda f: f["networks"].update(float={"right": 9, "samples": 3})),
    ],
)
def test_a_damaged_file_is_refused_by_its_name(kind, damage, whole_folder, tmp_path):
    found = json.loads((whole_folder / f"{kind}.json").read_text())
    damage(found)
    (tmp_path / f"{kind}.json").write_text(json.dumps(found))
    with pytest.raises(FileError, match=rf"{kind}\.json"):
        collect([whole_folder / "tones.nir", tmp_path / f"{kind}.json"])


def test_a_report_is_of_one_program(whole_folder, silent_folder, tmp_path):
    with pytest.raises(InputError, match="a report is of one program"):
        collect([whole_folder, silent_folder])
    with pytest.raises(InputError, match="a folder without anything"):
        collect([tmp_path])


def test_two_inputs_of_a_folder_must_be_told_apart(whole_folder, tmp_path):
    for name in ("tones.nir", "test.npz"):
        (tmp_path / name).write_bytes((whole_folder / name).read_bytes())
    (tmp_path / "train.npz").write_bytes((whole_folder / "test.npz").read_bytes())
    assert next(f.name for f in collect([tmp_path]).files if f.kind == "input").endswith("test.npz")
    (tmp_path / "test.npz").rename(tmp_path / "valid.npz")
    with pytest.raises(InputError, match="two files of the kind 'input'"):
        collect([tmp_path])


def test_a_page_that_would_be_too_large_is_refused(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="at most 1,000 are written"):
        write.write_report(whole, tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_the_command_says_the_answers_and_where_they_are(whole_folder, tmp_path, capsys):
    page = tmp_path / "r.html"
    assert main(["report", str(whole_folder), "-o", str(page), "--samples", "5", "--engine", "reference"]) == 0
    printed = capsys.readouterr().out
    assert "Is it the same network?    Yes, bit for bit" in printed
    assert f"wrote {page}" in printed
    assert section_of(json.loads((tmp_path / "r.json").read_text()), "activity")["said"][0] == (
        "Run on 5 samples of 20 steps."
    )
    assert main(["report", str(whole_folder), "-o", str(tmp_path / "r.txt")]) == 2
    assert "is no name of a page" in capsys.readouterr().err


def test_the_float_network_is_judged_on_the_same_input(whole_folder, tmp_path):
    page = tmp_path / "r.html"
    words = ["tones.nir", "test.npz"]
    model = ["--float", str(whole_folder / "net.nir"), "--dt", "1e-3"]
    assert main(["report", *(str(whole_folder / w) for w in words), "-o", str(page), *model]) == 0
    chart = next(c for c in charts_of(json.loads((tmp_path / "r.json").read_text())) if c["id"] == "accuracy.intervals")
    from snn2hw.codec.decode import decide

    source = sw.from_nir(whole_folder / "net.nir", dt=1e-3)
    raster = read_raster(whole_folder / "test.npz")
    output = sw.float_reference(source, raster.spikes).output
    right = (decide(output.reshape(*output.shape[:2], -1), "count") == raster.labels).mean()
    assert next(m["value"] for m in chart["marks"] if m["label"] == "float network") == right


def test_the_json_beside_a_page_replaces_no_file_of_another_kind(whole_folder, tmp_path, capsys):
    for name in ("tones.nir", "verdict.json"):
        (tmp_path / name).write_bytes((whole_folder / name).read_bytes())
    before = (tmp_path / "verdict.json").read_bytes()
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "verdict.html")]) == 2
    assert "name the page otherwise" in capsys.readouterr().err
    assert (tmp_path / "verdict.json").read_bytes() == before
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "r.html")]) == 0
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "r.html")]) == 0
