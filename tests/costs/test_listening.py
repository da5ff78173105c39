"""A second of listening, counted again by hand: the gate, the twin by shape, both sides' prices."""

import json
from importlib import resources

import numpy as np
import pytest

import snn2hw as sw
from exporters.program_file import read_program_file
from sim.errors import InputError
from snn2hw.audio.hear import ear_of
from snn2hw.audio.mel_stream import heard
from snn2hw.chips.target import get_target
from snn2hw.commands import main
from snn2hw.costs.listening.account import ann_nj, gate_nj, snn_nj
from snn2hw.costs.listening.frames import Frames, frames_of_sound
from snn2hw.costs.listening.gate import EnergyGate, levels_db
from snn2hw.costs.listening.listen import AnnFile, listening
from snn2hw.costs.listening.report import Listening, ListeningRow
from snn2hw.costs.listening.twin import fan_out, twin_passes
from snn2hw.costs.price_files import get_table
from snn2hw.denoise.stream import heard_by, hearing_of
from snn2hw.zoo import located
from tests.conversion.ann_zoo import Build
from tests.placement.checker import synapses_of
from tests.programs import random_program

INT8, FLOATS = get_table("cmos45_int8"), get_table("cmos45_fp32")


def quiet_sound(seconds=6, rate_hz=8000, seed=0):
    """Return noise of -60 dB with a sweep of half a second in it at 2 s."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.001, seconds * rate_hz)
    n = rate_hz // 2
    x[2 * rate_hz : 2 * rate_hz + n] += 0.2 * np.sin(np.cumsum(np.linspace(0.2, 0.8, n)))
    return x


def small():
    weight = np.array([[3, 0, -2], [1, 1, 0]])
    hidden = sw.Population("hidden", (2,), (sw.Connection("input", sw.Dense(weight)),), vth=1, du=1024, dv=512)
    out = sw.Population("out", (2,), (sw.Connection("hidden", sw.Dense([[5, 0], [2, 4]])),), fires=False)
    return sw.Program(sw.Input((3,), -9, 9), (hidden, out))


def frames_for(messages, loud=()):
    levels = np.full(len(messages), -60.0)
    levels[list(loud)] = -20.0
    return Frames(np.asarray(messages, np.int8), levels, hop=100, rate_hz=8000)


def test_the_gate_opens_around_what_is_loud_and_its_floor_follows():
    levels = np.array([-60.0] * 10 + [-40.0] * 2 + [-60.0] * 10)
    gate = EnergyGate(margin_db=9, rise_db=0.5, lead=2, hang=3)
    assert np.flatnonzero(gate.opened(levels)).tolist() == list(range(8, 15))
    # a noise that stays is no event for ever: the floor rises half a decibel a frame, 11 dB are reached in 22
    lasting = np.array([-60.0] * 4 + [-40.0] * 60)
    opened = EnergyGate(margin_db=9, rise_db=0.5, lead=0, hang=0).opened(lasting)
    assert np.flatnonzero(opened).tolist() == list(range(4, 4 + 21))
    assert not EnergyGate().opened(np.full(50, -30.0)).any()
    with pytest.raises(InputError, match="margin_db 0"):
        EnergyGate(margin_db=0)
    with pytest.raises(InputError, match="lead -1"):
        EnergyGate(lead=-1)


def test_levels_are_those_of_whole_hops():
    assert levels_db(np.zeros(5), 2).tolist() == [-100.0, -100.0]


def test_frames_do_not_depend_on_the_pieces_of_a_sound():
    front = ear_of(read_program_file(located("zoo:digits")), "digits").front
    x = quiet_sound(3, front.spectra.rate_hz)
    whole = frames_of_sound([x], front)
    parts = frames_of_sound(np.array_split(x, 17), front)
    np.testing.assert_array_equal(whole.messages, heard(x, front))
    np.testing.assert_array_equal(parts.messages, whole.messages)
    np.testing.assert_array_equal(parts.levels, whole.levels)
    assert whole.seconds == len(whole.messages) * front.spectra.hop / front.spectra.rate_hz
    for pieces in ([], [x[:10]]):
        with pytest.raises(InputError, match="shorter than one frame"):
            frames_of_sound(pieces, front)


def test_a_denoiser_hears_the_same_frames_in_pieces_and_is_priced_beside_its_twin():
    found = read_program_file(located("zoo:denoise"))
    front = hearing_of(found, "denoise").front
    x = quiet_sound(3, front.spectra.rate_hz)
    whole, parts = frames_of_sound([x], front), frames_of_sound(np.array_split(x, 17), front)
    np.testing.assert_array_equal(whole.messages, heard_by(x, front)[: len(whole.messages)])
    np.testing.assert_array_equal(parts.messages, whole.messages)
    assert len(whole.levels) == len(whole.messages) == x.size // front.spectra.hop
    cost = listening(found.program, whole, tables=[INT8])
    skipping = next(row for row in cost.rows if row.rule == "skipping" and not row.gated)
    counts = sw.run(found.program, whole.messages[None], record=()).counts
    assert (
        skipping.snn == snn_nj(found.program, counts, len(whole.messages), "skipping", "clocked", INT8) / whole.seconds
    )
    assert skipping.ann_least < skipping.ann
    assert cost.challenge is None
    assert "ndns_proxy" not in cost.to_json()


def test_the_proxies_of_the_challenge_count_every_synop_and_ten_of_every_neuron_in_every_step():
    found = read_program_file(located("zoo:denoise"))
    spec = hearing_of(found, "denoise").front.spectra
    frames = frames_of_sound([quiet_sound(3, spec.rate_hz)], hearing_of(found, "denoise").front)
    cost = listening(found.program, frames, latency_s=0.032, tables=["cmos45_int8"], target="loihi1")
    counts = sw.run(found.program, frames.messages[None], record=()).counts
    synops = sum(int(of_one.sum()) for of_one in counts.synops.values())
    neurons = sum(p.size for p in found.program.populations)
    per_second = spec.rate_hz / spec.hop
    expected = synops / cost.seconds + 10 * neurons * per_second
    proxy = cost.to_json()["ndns_proxy"]
    assert proxy["ops_per_s"] == pytest.approx(expected)
    assert proxy["pdp_ops"] == pytest.approx(expected * 0.032)
    assert "N-DNS proxies" in str(cost)


def test_the_command_says_them_of_a_denoiser_with_its_window(tmp_path, capsys):
    import jsonschema
    import soundfile

    from snn2hw.schemas import get_schema

    soundfile.write(tmp_path / "x.wav", quiet_sound(3, 16000), 16000)
    assert main(["energy", "zoo:denoise", "--stream", str(tmp_path / "x.wav"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    jsonschema.validate(answer, get_schema(answer["schema"]))
    assert answer["ndns_proxy"]["latency_s"] == 512 / 16000
    row = next(r for r in answer["rows"] if r["table"] == "ndns_proxy" and not r["gated"])
    assert answer["ndns_proxy"]["ops_per_s"] == pytest.approx(1e3 * row["snn"])


def test_the_twin_has_the_products_that_are_counted_one_by_one():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        size = int(np.prod(program.input.shape))
        messages = rng.integers(-1, 2, (5, size))
        skipping, dense = (twin_passes(program, messages, rule) for rule in ("skipping", "dense"))
        at = 0
        for p in program.populations:
            for c in p.inputs:
                every = list(synapses_of(program, p, c))
                real = [source for source, _, _, weight in every if weight]
                assert dense.nodes[at].products == 5 * len(every)
                if c.source == "input":
                    flat = [int(np.ravel_multi_index(s, program.input.shape)) for s in real]
                    assert skipping.nodes[at].products == sum(int((messages[:, i] != 0).sum()) for i in flat)
                    met = fan_out(c, program.input.shape, p.shape)
                    assert met.tolist() == np.bincount(flat, minlength=size).tolist()
                else:
                    assert skipping.nodes[at].products == 5 * len(real)
                assert skipping.nodes[at].hidden == (c.source != "input")
                at += 1
        assert at == len(dense.nodes)


def test_both_sides_and_the_gate_cost_what_was_added_up_by_hand():
    program, messages = small(), np.array([[1, 0, 2], [0, 0, 0]])
    passes = twin_passes(program, messages, "skipping")
    assert [n.products for n in passes.nodes] == [3, 6]  # 1 meets 3 and 1, 2 meets -2; three weights, two frames
    # 9 products of 0.30 pJ, two ReLUs a frame of 0.10
    assert ann_nj(passes, INT8) == pytest.approx((9 * 0.30 + 4 * 0.10) * 1e-3)
    assert ann_nj(passes, INT8, quiet=1.0) == pytest.approx((3 * 0.30 + 4 * 0.10) * 1e-3)
    # a hop of 100 samples of 16 bit: 400 products of 8 bit, one of the mean, three additions
    multiply = INT8.prices["state_multiply"].amount
    assert gate_nj(2, 100, INT8) == pytest.approx(2 * (400 * 0.30 + multiply + 3 * 0.10) * 1e-3)
    assert gate_nj(1, 100, FLOATS) == pytest.approx(
        (100 * 4.6 + FLOATS.prices["state_multiply"].amount + 3 * 0.9) * 1e-3
    )
    with_memory = get_table("cmos45_int8_memory")
    assert gate_nj(1, 100, with_memory) > gate_nj(1, 100, INT8) + 200 * 16 / 64 * 10 * 1e-3 * 0.99


def test_an_event_driven_chip_updates_no_neuron_at_rest():
    program, raster = small(), np.zeros((1, 50, 3), np.int16)
    raster[0, 3] = [9, 0, 0]
    counts = sw.run(program, raster).counts
    table = get_table("loihi1_davies2018")
    clocked, event = (snn_nj(program, counts, 50, "skipping", how, table) for how in ("clocked", "event"))
    still = sum(int((counts.updates[p.name] - counts.active[p.name]).sum()) for p in program.populations)
    assert still == 30
    assert clocked - event == pytest.approx(still * table.prices["update_inactive"].amount * 1e-3)


def test_the_rows_are_the_energy_of_the_run_over_the_seconds():
    program = small()
    rng = np.random.default_rng(0)
    messages = rng.integers(-9, 10, (80, 3)) * (rng.random((80, 1)) < 0.2)
    found = listening(program, frames_for(messages, loud=range(30, 34)), tables=("cmos45_int8", "loihi1_davies2018"))
    report = sw.energy(program, messages[None].astype(np.int16), tables=("cmos45_int8", "loihi1_davies2018"))
    by = {(row.table, row.rule, row.gated): row for row in found.rows}
    assert set(by) == {
        *((t, "skipping", g) for t in ("cmos45_int8", "loihi1_davies2018") for g in (False, True)),
        *(("cmos45_int8", "dense", g) for g in (False, True)),
    }
    assert found.seconds == 1.0
    for cost in report.snn:
        assert by[cost.table.name, "skipping", False].snn == pytest.approx(cost.total.counted.mean * 1e-3)
    open_ = EnergyGate().opened(frames_for(messages, loud=range(30, 34)).levels)
    assert (found.open_share, found.openings) == (open_.mean(), 1)
    gated = sw.energy(program, messages[open_][None].astype(np.int16), tables="cmos45_int8").snn[0]
    gate = gate_nj(80, 100, INT8)
    row = by["cmos45_int8", "skipping", True]
    assert row.gate == pytest.approx(gate)
    assert row.snn == pytest.approx(gated.total.counted.mean * 1e-3 + gate)
    assert row.ann == pytest.approx(ann_nj(twin_passes(program, messages[open_], "skipping"), INT8) + gate)


def test_a_known_share_of_active_values_leaves_nothing_open():
    program, frames = small(), frames_for(np.ones((40, 3)))
    open_ = listening(program, frames, tables=("cmos45_int8",))
    known = listening(program, frames, tables=("cmos45_int8",), active=0.25)
    for before, row in zip(open_.rows, known.rows, strict=True):
        assert row.ann == row.ann_least == pytest.approx(before.ann_least + 0.25 * (before.ann - before.ann_least))
        assert row.outcome in ("wins", "loses")
        assert row.snn == before.snn
    assert "25.0% of its hidden activations not zero" in str(known)
    for active in (-0.1, 1.1):
        with pytest.raises(InputError, match="a share from 0 to 1"):
            listening(program, frames, active=active)


def test_silence_behind_a_gate_costs_the_gate_alone():
    found = listening(small(), frames_for(np.zeros((40, 3))), tables=("cmos45_int8",))
    for row in (row for row in found.rows if row.gated):
        assert row.snn == row.gate == row.ann
        assert row.outcome == "wins"


def test_an_ann_of_ones_own_is_run_every_hop(tmp_path):
    build = Build((3,))
    build.add("Gemm", build.w(3, 4), build.w(4))
    build.add("Relu")
    build.add("Gemm", build.w(4, 3), build.w(3))
    build.write(tmp_path / "cnn.onnx")
    messages = np.ones((80, 3))
    plain = listening(small(), frames_for(messages), ann=AnnFile(tmp_path / "cnn.onnx", 0.3), tables=("cmos45_int8",))
    dense = next(row for row in plain.rows if row.rule == "dense" and not row.gated)
    skipping = next(row for row in plain.rows if row.rule == "skipping" and not row.gated)
    # 24 products and four ReLUs, at 0, 0.3, 0.6 and 0.9 s
    assert dense.ann == pytest.approx(4 * (24 * 0.30 + 4 * 0.10) * 1e-3)
    assert skipping.ann == pytest.approx(dense.ann)
    assert skipping.ann_least == pytest.approx(4 * 4 * 0.10 * 1e-3)
    zeros = AnnFile(tmp_path / "cnn.onnx", 0.3, np.zeros((2, 3), np.float32))
    counted = listening(small(), frames_for(messages), ann=zeros, tables=("cmos45_int8",))
    row = next(row for row in counted.rows if row.rule == "skipping" and not row.gated)
    assert row.ann == row.ann_least
    assert row.ann < skipping.ann
    with pytest.raises(InputError, match="hop_s 0"):
        listening(small(), frames_for(messages), ann=AnnFile(tmp_path / "cnn.onnx", 0))


def row_of(snn, least, most, *, complete=True):
    return ListeningRow("t", "pJ", "skipping", False, snn=snn, gate=0.0, ann_least=least, ann=most, complete=complete)


def test_a_row_says_who_wins_and_on_what_it_depends():
    rows = (row_of(1, 2, 3), row_of(4, 2, 3), row_of(2.25, 2, 3), row_of(2.25, 2, 3, complete=False))
    assert [row.outcome for row in rows] == ["wins", "loses", "depends", "unknown"]
    assert [row.break_even for row in rows] == [None, None, 0.25, None]
    alone = ListeningRow("t", "operations", "skipping", False, snn=1, gate=None)
    assert alone.outcome is None

    def verdict(*rows):
        gate = EnergyGate()
        facts = {
            "digest": "0" * 64,
            "target": "x",
            "updates": None,
            "source": "s",
            "ann": "a",
            "active": None,
            "ann_hop_s": 1.0,
        }
        return Listening(**facts, seconds=1.0, open_share=0.5, openings=1, gate=gate, rows=rows)

    assert verdict(rows[1]).verdict == "of 1 rows the SNN wins in none"
    assert "wins in 1; in 1 where more than 25% to 25% of the ANN's hidden" in verdict(*rows).verdict
    assert verdict(*rows).verdict.endswith("1 are not known")
    assert "nothing is compared" in verdict(alone).verdict
    assert "1.0 thousand/s" in str(verdict(alone))
    assert "not stated, counted as clocked" in str(verdict(alone))
    assert "above 25% active" in str(verdict(*rows))


def test_frames_of_another_front_end_are_refused():
    with pytest.raises(InputError, match=r"frames of 4 bands for an input of \(3,\)"):
        listening(small(), frames_for(np.zeros((5, 4))))


def test_the_command_listens_and_writes(tmp_path, monkeypatch, capsys):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "s.wav", quiet_sound(), 8000)
    monkeypatch.chdir(tmp_path)
    words = ["energy", "zoo:digits", "--stream", "s.wav"]
    assert main([*words, "--tables", "cmos45_int8,loihi1_davies2018", "-o", "l.json"]) == 0
    printed = capsys.readouterr().out
    assert "the twin by shape" in printed
    assert "wrote l.json" in printed
    said = json.loads((tmp_path / "l.json").read_text())
    assert said["schema"] == "snn2hw.listening/1"
    assert said["updates"] == "clocked"
    assert 0.05 < said["gate"]["open_share"] < 0.3
    outcomes = {row["outcome"] for row in said["rows"] if row["rule"] == "skipping" and row["ann"]}
    assert outcomes <= {"wins", "depends"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "exactly one is needed"),
        ("--input x.npz --stream s.wav", "exactly one is needed"),
        ("--input x.npz --hop 0.1", "--hop says something about --stream alone"),
        ("--input x.npz --active 0.5", "--active says something about --stream alone"),
        ("--input x.npz --target loihi1", "--target says something about --stream alone"),
        ("--stream s.wav --plots p --samples 2", "--plots, --samples says something about --input alone"),
        ("--stream s.wav --ann a.onnx", "a stream needs both or neither"),
        ("--stream none.wav", "no such file"),
        ("--stream none.wav --target lohi1", "did you mean 'loihi1'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(tmp_path)
    assert main(["energy", "zoo:digits", *more.split()]) == 2
    assert said in capsys.readouterr().err


def test_every_chip_with_neurons_says_how_it_updates_them(tmp_path):
    for name in ("loihi1", "loihi2", "xylo2"):
        assert get_target(name).updates == "clocked"
        assert get_target(name).sources["behaviour.updates"]
    assert get_target("fixed").updates is None
    text = resources.files("snn2hw.chips").joinpath("loihi1.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(text.replace('updates = "clocked"', 'updates = "event"'))
    assert get_target(own).updates == "event"
    own.write_text(text.replace('updates = "clocked"', 'updates = "sometimes"'))
    with pytest.raises(InputError, match="clocked, event, or leave it out"):
        get_target(own)
    own.write_text("\n".join(line for line in text.splitlines() if not line.startswith('"behaviour.updates"')))
    with pytest.raises(InputError, match=r"lacks behaviour\.updates"):
        get_target(own)
