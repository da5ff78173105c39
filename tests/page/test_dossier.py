"""What a report says is what its material holds, the JSON says the same as the page, and nothing else gets in."""

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace

import jsonschema
import pytest

from snn2hw.codec.share import Share
from snn2hw.page.collect import collect
from snn2hw.page.compose import answers_of, dossier_of
from snn2hw.page.render import page_of
from snn2hw.page.sections import verdict
from snn2hw.page.sections.accuracy import accuracy_section
from snn2hw.page.sections.activity import SPIKES, VALUES
from snn2hw.page.sections.energy import energy_section
from snn2hw.page.sections.latency import latency_section
from snn2hw.page.sections.quantisation import HELD, SEEN, quantisation_section
from snn2hw.page.sections.verdict import verdict_section
from snn2hw.page.wording import written
from snn2hw.schemas import get_schema
from snn2hw.verification.executors import EXECUTORS
from tests.page.making import EQUAL, charts_of, inputs, section_of, table_of, verdict_of

SCHEMA = get_schema("snn2hw.report/1")


def test_every_executor_is_called_by_what_it_is():
    assert set(EXECUTORS) == {*verdict.EXECUTORS} - {"torch"}


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
    for place in range(len(list(charts_of(json.loads(whole_report.json.read_text()))))):
        found = json.loads(whole_report.json.read_text())
        chart = list(charts_of(found))[place]
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
    charts = [chart["id"] for chart in charts_of(any_dossier)]
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
    populations = table_of(section_of(found, "graph"), "graph.populations")
    assert sum(row["neurons"] for row in populations) == 118_908
    assert {row["layer"] for row in table_of(section_of(found, "activity"), "activity.layers")} == {
        row["layer"] for row in populations
    }
    views = [v["data"] for c in charts_of(found) if c["kind"] == "spikes" for v in c["views"]]
    assert len(views) == 2 * len(populations)
    assert sum(len(data["t"]) for data in views) <= SPIKES + 16 * len(views)
    lines = [
        line for c in charts_of(found) if c["kind"] == "curves" for v in c["views"] for line in v["data"]["series"]
    ]
    assert sum(map(len, lines)) <= 2 * VALUES


def test_a_page_of_a_xylo_program_speaks_of_its_states_and_its_one_core(xylo_report):
    found = json.loads(xylo_report.json.read_text())
    ranges = next(c for c in charts_of(found) if c["id"] == "quantisation.ranges")
    assert {mark["label"].split(": ")[1] for mark in ranges["marks"]} == {"i", "i2", "v"}
    assert "SynSense Xylo 2 is one core" in " ".join(section_of(found, "resources")["said"])
    assert not section_of(found, "resources")["missing"]


def test_a_page_of_a_program_without_any_run_says_what_to_type(silent_report):
    found = json.loads(silent_report.json.read_text())
    words = {answer["id"]: answer["word"] for answer in found["answers"]}
    assert words["answer.same"] == words["answer.right"] == words["answer.energy"] == "Not known"
    for name in ("verdict", "accuracy", "resources", "latency", "energy", "activity", "quantisation", "examples"):
        missing = section_of(found, name)["missing"]
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
        said += [row["command"] for row in table_of(section_of(found, "made"), "made.commands")]
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
    assert "First in lif0 9, neuron (3,), step 2, sample 1: v is 8, the definition's is 7" in rows["onnx"][2]
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
    marks = next(c for c in charts_of(found) if c["id"] == "accuracy.intervals")["marks"]
    known = {"float network": Share(7, 12), "integer program": Share(6, 12), "conventional network (ANN)": Share(4, 12)}
    assert [(m["label"], m["value"]) for m in marks] == [(name, share.accuracy) for name, share in known.items()]
    assert [(m["low"], m["high"]) for m in marks] == [share.interval for share in known.values()]


def test_energy_is_called_an_estimate_and_every_price_has_a_source(whole_report):
    found = json.loads(whole_report.json.read_text())
    section = section_of(found, "energy")
    assert "estimate" in section["title"]
    assert all("stimate" in chart["title"] for chart in section["charts"])
    assert "Nothing was measured" in " ".join(section["said"])
    assert next(a for a in found["answers"] if a["id"] == "answer.energy")["said"].startswith("Estimate")
    prices = table_of(section, "energy.prices")
    assert len(prices) > 10
    assert all(row["source"] and row["kind"] for row in prices)


def test_every_core_and_every_layer_names_what_limits_it(whole_report, whole_folder):
    found = json.loads(whole_report.json.read_text())
    placed = json.loads((whole_folder / "place.json").read_text())
    section = section_of(found, "resources")
    assert len(table_of(section, "resources.by-core")) == placed["cores"]
    layers = {row["layer"]: row for row in table_of(section, "resources.by-layer")}
    for row in placed["populations"]:
        assert layers[row["layer"]]["fullest"] == row["fullest"]
    assert all(row["limiting"] for row in layers.values())
    assert "What runs out first" in " ".join(section["said"])


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
    proven = {m.label: m for m in marks if m.group != SEEN}
    seen = {m.label: m.value for m in marks if m.group == SEEN}
    clips = set()
    for name, bounds in whole.attachments["certificate"]["bounds"].items():
        layer = whole.layer(name)
        assert proven[f"{layer}: u"].value == max(map(abs, bounds["u"])) / (1 << 23)
        beyond = max(map(abs, bounds["v"])) / ((1 << 23) - 1)
        assert proven[f"{layer}: v"].value == min(1.0, beyond)
        assert (
            (proven[f"{layer}: v"].group == HELD)
            == (beyond > 1)
            == (written(beyond, "percent") in proven[f"{layer}: v"].note)
        )
        clips |= {layer} if beyond > 1 else set()
    assert clips == {"lif1 3"}
    assert all(seen[label] <= proven[label].value for label in seen)


def test_a_certificate_and_its_chart_say_the_same_of_clips(whole):
    """What may clip is named beside the proof that nothing overflows; a bound within the register is no clip."""
    said = [" ".join(section(whole).said) for section in (verdict_section, quantisation_section)]
    assert all("was found for v of lif1 3. There" in text and "12 samples run here none did" in text for text in said)
    inside = {"a": [-5, 5], "u": [-5, 5], "v": [-5, 5]}
    bounds = dict.fromkeys(("lif0", "lif1"), inside)
    certificate = {**whole.attachments["certificate"], "bounds": bounds}
    proven = replace(whole, attachments={**whole.attachments, "certificate": certificate})
    assert "Nothing clips either" in " ".join(verdict_section(proven).said)
    marks = next(c for c in quantisation_section(proven).charts if c.id == "quantisation.ranges").marks
    assert HELD not in {mark.group for mark in marks}
    clipped = replace(proven, observed=replace(whole.observed, clips={"lif0": 0, "lif1": 3}))
    assert "3 times" not in " ".join(verdict_section(clipped).said)
    held = replace(whole, observed=replace(whole.observed, clips={"lif0": 0, "lif1": 3}))
    assert "it did 3 times" in " ".join(verdict_section(held).said)


def test_a_layer_of_a_bare_number_is_called_by_what_it_is_wherever_it_stands(xylo_report):
    found = json.loads(xylo_report.json.read_text())
    layers = {row["layer"]: row["name"] for row in table_of(section_of(found, "graph"), "graph.populations")}
    assert layers == {"hidden 20": "1", "output 4": "3"}
    told = {"layer", "layers", "reads"}
    for section in found["sections"]:
        for table in section["tables"]:
            places = [i for i, column in enumerate(table["columns"]) if column["id"] in told]
            assert {row[i] for row in table["rows"] for i in places} <= {*layers, "input 8"}, table["id"]
    views = [view["keys"] for chart in charts_of(found) for view in chart.get("views", ())]
    assert {keys["layer"] for keys in views if "layer" in keys} == set(layers)
    assert {keys["connection"] for keys in views if "connection" in keys} == {
        "hidden 20 from input 8",
        "output 4 from hidden 20",
    }
    marks = {chart["id"]: {mark["label"] for mark in chart["marks"]} for chart in charts_of(found) if "marks" in chart}
    assert marks["activity.rates"] == set(layers)
    assert {label.split(": ")[0] for label in marks["quantisation.ranges"]} == set(layers)
    graph = next(chart for chart in charts_of(found) if chart["kind"] == "graph")
    assert [(node["id"], node["title"]) for node in graph["nodes"]] == [
        ("input", "input 8"),
        ("1", "hidden 20"),
        ("3", "output 4"),
    ]


def test_the_ann_is_described_by_what_its_file_and_the_run_say(whole):
    said = " ".join(energy_section(whole).said)
    assert "The ANN is twin.onnx: from 20x6 values a sample, dense 9 and dense 3 with Relu between" in said
    assert f"{120 * 9 + 9 + 9 * 3 + 3:,} parameters in float32" in said
    assert "written by a test 1; on what it was trained is not on record" in said
    assert "of 12 samples" in said
    assert "it may be untrained" in said
    assert "of 8 bit under cmos45_int8 and cmos45_int8_memory; of 32 bit under cmos45_fp32" in said
    assert "what 8 bits cost it was not judged here" in said
    rows = next(table for table in energy_section(whole).tables if table.id == "energy.ann").rows
    assert rows == (("dense", "9", "120x9", 1080, 1080), ("dense", "3", "9x3", 27, 27))


def _beside(whole, **changed):
    return replace(whole, energy={**whole.energy, "ann": {**whole.energy["ann"], **changed}})


def test_what_is_not_on_record_of_an_ann_is_said_to_be_so(whole):
    older = " ".join(energy_section(_beside(whole, outline=None)).said)
    assert "The ANN is twin.onnx: dense and dense; 1,107 weights" in older
    assert "Where it comes from, and on what it was trained, is not on record" in older
    told = energy_section(_beside(whole, origin="a network of ours, trained on tones")).said
    assert "Where it comes from: a network of ours, trained on tones." in told
    trained = " ".join(energy_section(replace(whole, accuracy={"ann": Share(11, 12)})).said)
    assert "11 of 12 samples (91.7 %), more than the 33.3 % of guessing among 3: it is trained for this" in trained
    unlabelled = " ".join(energy_section(replace(whole, accuracy={})).said)
    assert "given no labelled samples" in unlabelled


@pytest.mark.parametrize("evil", ["</script><img src=x onerror=alert(1)>", '"><b>', "{dossier}", "<!--"])
def test_a_name_out_of_a_file_is_only_a_name(evil, whole):
    page = page_of(dossier_of(replace(whole, name=evil)))
    assert evil not in page.replace("<!doctype", "").partition("<body>")[2].replace("<!-- uPlot", "") or "{" in evil
    assert page.count("</script>") == page.count("<script")
    assert json.loads(re.search(r'id="dossier">(.*?)</script>', page, re.DOTALL)[1])["title"] == evil


def test_a_share_that_is_not_all_is_not_written_as_all():
    assert [written(share, "percent") for share in (0.99999, 1.0, 1.548)] == ["99.9990 %", "100 %", "154.8 %"]


@pytest.mark.parametrize(
    ("basis", "word"), [("run: 2 samples of 4 steps", "At least"), ("bound: all fire", "Not counted")]
)
def test_only_the_traffic_of_a_run_gives_a_time_of_a_sample(basis, word, whole_folder, tmp_path):
    folder = shutil.copytree(whole_folder, tmp_path / "copy")
    placed = json.loads((folder / "place.json").read_text())
    placed["traffic"]["basis"] = basis
    (folder / "place.json").write_text(json.dumps(placed))
    material = collect([folder])
    time = next(answer for answer in answers_of(material) if answer.id == "answer.time")
    assert time.word.startswith(word)
    said = " ".join(latency_section(material).said)
    assert ("in which every neuron fires" in said) == ("A sample of" not in said) == (word == "Not counted")
