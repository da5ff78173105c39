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
from snn2hw.page.sections.latency import latency_section
from snn2hw.page.sections.quantisation import quantisation_section
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
    marks = next(c for c in charts_of(found) if c["id"] == "accuracy.intervals")["marks"]
    assert [(m["label"], m["value"]) for m in marks] == [("float network", 7 / 12), ("integer program", 0.5)]
    assert [(m["low"], m["high"]) for m in marks] == [Share(7, 12).interval, Share(6, 12).interval]


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
        assert layers[row["population"]]["fullest"] == row["fullest"]
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
    proven = {m.label: m.value for m in marks if m.group.startswith("proven")}
    seen = {m.label: m.value for m in marks if m.group.startswith("seen")}
    for name, bounds in whole.attachments["certificate"]["bounds"].items():
        assert proven[f"{name}: u"] == max(map(abs, bounds["u"])) / (1 << 23)
    assert all(seen[label] <= proven[label] for label in seen)


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
