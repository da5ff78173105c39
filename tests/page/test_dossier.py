"""What a report says is what its material holds, the JSON says the same as the page, and nothing else gets in."""

import base64
import hashlib
import io
import json
import re
import wave
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

import snn2hw as sw
from exporters.program_file import read_program, write_program
from sim.errors import FileError, InputError
from sim.trace import recordable
from snn2hw.codec.share import Share
from snn2hw.commands import main
from snn2hw.files.rasters import read_raster
from snn2hw.page import observed as observing
from snn2hw.page import write
from snn2hw.page.collect import collect
from snn2hw.page.compose import answers_of, dossier_of
from snn2hw.page.material import Material, Sounding
from snn2hw.page.observed import observe, see
from snn2hw.page.render import page_of
from snn2hw.page.sections.accuracy import accuracy_section
from snn2hw.page.sections.activity import SPIKES, VALUES, activity_section
from snn2hw.page.sections.examples import wav_of
from snn2hw.page.sections.quantisation import quantisation_section
from snn2hw.page.sections.verdict import verdict_section
from snn2hw.page.wording import written
from snn2hw.schemas import get_schema
from tests.page.making import EQUAL, inputs, verdict_of

SCHEMA = get_schema("snn2hw.report/1")


def _section(dossier, name):
    return next(section for section in dossier["sections"] if section["id"] == name)


def _table(section, name):
    table = next(table for table in section["tables"] if table["id"] == name)
    head = [column["id"] for column in table["columns"]]
    return [dict(zip(head, row, strict=True)) for row in table["rows"]]


def _charts(dossier):
    for section in dossier["sections"]:
        yield from section["charts"]
        for example in section["examples"]:
            yield from filter(None, (example["picture"], example["scores"]))


def test_the_dossier_keep_their_schema(any_dossier):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(any_dossier)


def test_the_file_of_accuracies_keeps_its_schema(whole_folder):
    jsonschema.Draft202012Validator(get_schema("snn2hw.accuracy/1")).validate(
        json.loads((whole_folder / "accuracy.json").read_text())
    )


@pytest.mark.parametrize("broken", ["answers", "sections", "digest", "headline"])
def test_the_schema_refuses_dossier_that_lack_a_part(broken, whole_report):
    found = json.loads(whole_report.json.read_text())
    del found[broken]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(found)


def test_the_schema_refuses_a_chart_without_its_data(whole_report):
    for place in range(len(list(_charts(json.loads(whole_report.json.read_text()))))):
        found = json.loads(whole_report.json.read_text())
        chart = list(_charts(found))[place]
        for data in {"marks", "views", "nodes"} & chart.keys():
            del chart[data]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(found)


def test_page_and_json_hold_the_same(any_report, any_dossier):
    page = any_report.page.read_text()
    inside = re.search(r'<script type="application/json" id="dossier">(.*?)</script>', page, re.DOTALL)
    assert json.loads(inside[1]) == any_dossier
    assert any_dossier["digest"] in page


def test_every_id_is_there_once_and_every_answer_leads_to_a_section(any_report, any_dossier):
    page = any_report.page.read_text()
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {f"#{i}" for i in ids} >= set(re.findall(r'href="(#[^"]+)"', page))
    charts = [chart["id"] for chart in _charts(any_dossier)]
    assert len(charts) == len(set(charts))
    assert charts == re.findall(r'data-chart="([^"]+)"', page)


def test_the_ids_of_two_reports_of_one_kind_are_the_same(whole_folder, whole_report):
    again = json.loads(json.dumps(dossier_of(collect([whole_folder])).to_json()))
    assert again == json.loads(whole_report.json.read_text())


def test_a_page_asks_nothing_of_the_network(any_report):
    page = any_report.page.read_text()
    assert not re.search(r'(?:src|href)\s*=\s*"(?!#)', page.partition('<script type="application/json"')[0])
    assert not re.search(r"url\(|@import", page.partition("</style>")[0])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    assert {f"'sha256-{digest}'" for digest in digests} == set(re.search(r"script-src ([^;]+);", policy)[1].split())


def test_a_page_is_small_enough_to_be_sent(any_report):
    assert any_report.page.stat().st_size < 3_000_000


def test_the_page_carries_the_licence_of_the_library_in_it(whole_report):
    assert "Copyright (c) 2022 Leon Sorokin" in whole_report.page.read_text()


def test_a_page_of_pilotnets_size_is_whole(large_report):
    found = json.loads(large_report.json.read_text())
    populations = _table(_section(found, "graph"), "graph.populations")
    assert sum(row["neurons"] for row in populations) == 118_908
    assert {row["layer"] for row in _table(_section(found, "activity"), "activity.layers")} == {
        row["layer"] for row in populations
    }
    views = [v["data"] for c in _charts(found) if c["kind"] == "spikes" for v in c["views"]]
    assert len(views) == 2 * len(populations)
    assert sum(len(data["t"]) for data in views) <= SPIKES + 16 * len(views)
    lines = [line for c in _charts(found) if c["kind"] == "curves" for v in c["views"] for line in v["data"]["series"]]
    assert sum(map(len, lines)) <= 2 * VALUES


def test_a_page_of_a_xylo_program_speaks_of_its_states_and_its_one_core(xylo_report):
    found = json.loads(xylo_report.json.read_text())
    ranges = next(c for c in _charts(found) if c["id"] == "quantisation.ranges")
    assert {mark["label"].split(": ")[1] for mark in ranges["marks"]} == {"i", "i2", "v"}
    assert "SynSense Xylo 2 is one core" in " ".join(_section(found, "resources")["said"])
    assert not _section(found, "resources")["missing"]


def test_a_page_of_a_program_without_any_run_says_what_to_type(silent_report):
    found = json.loads(silent_report.json.read_text())
    words = {answer["id"]: answer["word"] for answer in found["answers"]}
    assert words["answer.same"] == words["answer.right"] == words["answer.energy"] == "Not known"
    for name in ("verdict", "accuracy", "resources", "latency", "energy", "activity", "quantisation", "examples"):
        missing = _section(found, name)["missing"]
        assert missing, name
        assert all(part["how"].startswith("snn2hw ") for part in missing)
    verbs = {part["how"].split()[1] for section in found["sections"] for part in section["missing"]}
    assert verbs <= {"verify", "certify", "compile", "report", "energy", "place"}


def test_the_commands_on_the_page_are_understood(silent_report, whole_report):
    """Every option that a page tells people to type is one that its command has."""
    from importlib import import_module

    from snn2hw.commands import COMMANDS
    from snn2hw.commands.parser import Parser

    for report in (silent_report, whole_report):
        found = json.loads(report.json.read_text())
        said = [part["how"] for section in found["sections"] for part in section["missing"]]
        said += [row["command"] for row in _table(_section(found, "made"), "made.commands")]
        for line in said:
            _, verb, *words = line.split()
            parser = Parser(prog=verb)
            import_module(COMMANDS[verb].module).configure(parser)
            parser.refuse_unknown(words)
            parser.parse_args(words)


@pytest.fixture
def whole(whole_folder):
    return collect([whole_folder])


def test_the_verdict_is_said_in_plain_words_target_by_target(whole):
    statuses = {"fast": "equal", "onnx": "differs", "c": "unavailable", "netx": "refused", "lava": "failed"}
    judged = replace(whole, verdict=verdict_of(whole.program, inputs(), **statuses))
    rows = {row[0].split(",")[0]: row[1:] for row in verdict_section(judged).tables[0].rows}
    assert rows["Intel Loihi 1"][0] == "approximated"
    assert rows["reference"][0] == "the definition"
    assert rows["fast"][:2] == ("equal", EQUAL)
    assert rows["onnx"][0] == "differs"
    assert "population lif0, neuron (3,), step 2, sample 1: v is 8, the definition's is 7" in rows["onnx"][2]
    assert {rows[name][0] for name in ("c", "netx", "lava")} == {"cannot be said"}
    assert "not installed here: no compiler is here" in rows["c"][2]


@pytest.mark.parametrize(
    ("statuses", "word", "tone"),
    [
        ({"fast": "equal", "c": "equal"}, "Yes, bit for bit", "good"),
        ({"fast": "equal", "c": "unavailable"}, "Yes, bit for bit", "mixed"),
        ({"fast": "equal", "c": "differs"}, "No", "bad"),
        ({"c": "unavailable"}, "Not known", "unknown"),
    ],
)
def test_one_executor_that_differs_makes_the_answer_no(whole, statuses, word, tone):
    judged = replace(whole, verdict=verdict_of(whole.program, inputs(), **statuses))
    answer = answers_of(judged)[0]
    assert (answer.word, answer.tone) == (word, tone)
    assert ("NOT equal" in dossier_of(judged).headline) == (word == "No")


def test_a_program_that_no_compiler_made_is_not_called_an_approximation(silent_folder):
    rows = verdict_section(collect([silent_folder])).tables[0].rows
    assert rows[0][1] == "cannot be said"


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (Share(60, 100), Share(95, 100), "worse than the float network"),
        (Share(95, 100), Share(60, 100), "better than the float network"),
        (Share(95, 100), Share(96, 100), "the intervals overlap"),
    ],
)
def test_two_accuracies_are_told_apart_only_where_their_intervals_are(whole, ours, theirs, said):
    section = accuracy_section(replace(whole, accuracy={"integer": ours, "float": theirs}))
    assert said in section.said[1]


def test_an_accuracy_comes_with_its_interval(whole_report):
    found = json.loads(whole_report.json.read_text())
    marks = next(c for c in _charts(found) if c["id"] == "accuracy.intervals")["marks"]
    assert [(m["label"], m["value"]) for m in marks] == [("float network", 7 / 12), ("integer program", 0.5)]
    assert [(m["low"], m["high"]) for m in marks] == [Share(7, 12).interval, Share(6, 12).interval]


def test_energy_is_called_an_estimate_and_every_price_has_a_source(whole_report):
    found = json.loads(whole_report.json.read_text())
    section = _section(found, "energy")
    assert "estimate" in section["title"]
    assert all("stimate" in chart["title"] for chart in section["charts"])
    assert "Nothing was measured" in " ".join(section["said"])
    assert next(a for a in found["answers"] if a["id"] == "answer.energy")["said"].startswith("Estimate")
    prices = _table(section, "energy.prices")
    assert len(prices) > 10
    assert all(row["source"] and row["kind"] for row in prices)


def test_every_core_and_every_layer_names_what_limits_it(whole_report, whole_folder):
    found = json.loads(whole_report.json.read_text())
    placed = json.loads((whole_folder / "place.json").read_text())
    section = _section(found, "resources")
    assert len(_table(section, "resources.by-core")) == placed["cores"]
    layers = {row["layer"]: row for row in _table(section, "resources.by-layer")}
    for row in placed["populations"]:
        assert layers[row["population"]]["fullest"] == row["fullest"]
    assert all(row["limiting"] for row in layers.values())
    assert "What runs out first" in " ".join(section["said"])


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


def test_weights_are_counted_on_their_grid_and_none_is_lost(whole):
    section = quantisation_section(whole)
    chart = next(c for c in section.charts if c.id == "quantisation.weights")
    connections = [c for p in whole.program.populations for c in p.inputs]
    assert len(chart.views) == len(connections)
    for view, connection in zip(chart.views, connections, strict=True):
        assert sum(view.data["count"]) == connection.wiring.weight.size
        for value, count in zip(view.data["x"], view.data["count"], strict=True):
            inside = (connection.wiring.weight >= value) & (connection.wiring.weight < value + view.data["width"])
            assert inside.sum() == count


def test_proven_ranges_are_the_certificates(whole):
    section = quantisation_section(whole)
    marks = next(c for c in section.charts if c.id == "quantisation.ranges").marks
    proven = {m.label: m.value for m in marks if m.group.startswith("proven")}
    seen = {m.label: m.value for m in marks if m.group.startswith("seen")}
    for name, bounds in whole.attachments["certificate"]["bounds"].items():
        assert proven[f"{name}: u"] == max(map(abs, bounds["u"])) / (1 << 23)
    assert all(seen[label] <= proven[label] for label in seen)


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
    examples = _section(found, "examples")["examples"]
    assert [e["title"] for e in examples] == ["zero_0", "zero_1"]
    assert {e["label"] for e in examples} == {"zero"}
    assert all(e["sound"] and e["right"] == (e["answer"] == "zero") for e in examples)
    assert "Left out" in " ".join(_section(found, "made")["said"])
    commands = [row["command"] for row in _table(_section(found, "made"), "made.commands")]
    assert commands[0].startswith("snn2hw train fsdd --stream")


@pytest.mark.parametrize("evil", ["</script><img src=x onerror=alert(1)>", '"><b>', "{dossier}", "<!--"])
def test_a_name_out_of_a_file_is_only_a_name(evil, whole):
    page = page_of(dossier_of(replace(whole, name=evil)))
    assert evil not in page.replace("<!doctype", "").partition("<body>")[2].replace("<!-- uPlot", "") or "{" in evil
    assert page.count("</script>") == page.count("<script")
    assert json.loads(re.search(r'id="dossier">(.*?)</script>', page, re.DOTALL)[1])["title"] == evil


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
    assert _section(json.loads((tmp_path / "r.json").read_text()), "activity")["said"][0] == (
        "Run on 5 samples of 20 steps."
    )
    assert main(["report", str(whole_folder), "-o", str(tmp_path / "r.txt")]) == 2
    assert "is no name of a page" in capsys.readouterr().err


def test_the_float_network_is_judged_on_the_same_input(whole_folder, tmp_path):
    page = tmp_path / "r.html"
    words = ["tones.nir", "test.npz"]
    model = ["--float", str(whole_folder / "net.nir"), "--dt", "1e-3"]
    assert main(["report", *(str(whole_folder / w) for w in words), "-o", str(page), *model]) == 0
    chart = next(c for c in _charts(json.loads((tmp_path / "r.json").read_text())) if c["id"] == "accuracy.intervals")
    from snn2hw.codec.decode import decide

    source = sw.from_nir(whole_folder / "net.nir", dt=1e-3)
    raster = read_raster(whole_folder / "test.npz")
    output = sw.float_reference(source, raster.spikes).output
    right = (decide(output.reshape(*output.shape[:2], -1), "count") == raster.labels).mean()
    assert next(m["value"] for m in chart["marks"] if m["label"] == "float network") == right


def test_a_share_that_is_not_all_is_not_written_as_all():
    assert written(0.99999, "percent") == "99.9990 %"
    assert written(1.0, "percent") == "100 %"
    assert written(1.548, "percent") == "154.8 %"
