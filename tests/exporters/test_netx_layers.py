"""What a `.net` file cannot say is refused by name before anything is written, and what it leaves open is a loss."""

import json
import subprocess

import numpy as np
import pytest

from exporters import to_netx
from exporters.lava.install import STANDALONE, find_python
from exporters.netx_export.layers import layers
from exporters.netx_export.weights import damage, fold
from sim.errors import UnsupportedError
from sim.program import Connection, Conv, Dense, Input, Population, Program

ONE = Dense([[7, 3], [-5, 1]])
READS = Connection("input", ONE)
IMAGE = Input((1, 4, 4))


def _one(inputs=(READS,), **registers):
    return Program(Input((2,)), (Population("p", (2,), inputs, **registers),))


def _weights(*rows, exponent=0):
    return _one((Connection("input", Dense(rows), exponent),))


def _loop(lag=1):
    return Connection("p", ONE, lag=lag)


def _behind(*inputs, **registers):
    first = Population("first", (2,), (READS,))
    return Program(Input((2,)), (first, Population("second", (2,), inputs, **registers)))


def _image(wiring, **registers):
    return Program(IMAGE, (Population("p", (1, 4, 4), (Connection("input", wiring),), **registers),))


KERNEL = Conv(np.ones((1, 1, 3, 3), int), padding=(1, 1))
LOOPED_CONV = Program(
    IMAGE, (Population("p", (1, 4, 4), (Connection("input", KERNEL), Connection("p", KERNEL, lag=1))),)
)
CONV_AFTER_DENSE = Program(
    IMAGE,
    (
        Population("first", (1, 4, 4), (Connection("input", Dense(np.eye(16, dtype=int))),)),
        Population("p", (1, 4, 4), (Connection("first", KERNEL),)),
    ),
)

REFUSED = [
    (_one((Connection("input", ONE, lag=1),)), "'p': reads 'input' with lag 1; NetX has chains only"),
    (_one((READS, _loop(2))), "'p': reads 'p' with lag 2; NetX has chains only"),
    (_behind(Connection("first", ONE), READS), "'second': reads 'input' with lag 0; NetX has chains only"),
    (_behind(READS), "'second': reads 'input' with lag 0; .* the one before it, here 'first'"),
    (_one((READS, READS)), "'p': has 2 connections from 'input' and 0 from itself"),
    (_one(()), "'p': has 0 connections from 'input'"),
    (_one((READS, _loop(), _loop())), "'p': has 1 connections from 'input' and 2 from itself"),
    (LOOPED_CONV, "'p': reads itself through a convolution"),
    (CONV_AFTER_DENSE, "'p': a convolution reads 'first', which is flat in NetX"),
    (_one((READS, _loop()), bias_mantissa=64), "'p': reads itself and has a bias"),
    (_one(reset="subtract"), "'p': resets by subtraction; NetX's neurons reset to 0"),
    (_one(u0=3), "'p': starts at u0 or v0 other than 0"),
    (_one(v0=[0, -3]), "'p': starts at u0 or v0 other than 0"),
    (_one(bias_mantissa=32), r"'p': bias 32\.\.32; NetX takes multiples of 64 in -262144\.\.262080"),
    (_one(bias_mantissa=4095, bias_exponent=7), r"'p': bias 524160\.\.524160; NetX takes"),
    (
        _weights([6, 3], [4, 2], exponent=-1),
        "'p': its weights from 'input' have exponent -1, for which NetX has no field",
    ),
    (_weights([0, 0], [0, 0]), "'p': lava-dl would change its weights: they are all 0, by which lava-dl divides"),
    (_weights([300, 0], [0, 1]), r"'p': lava-dl would change its weights: 0\.\.300 do not fit a synapse of 8 bits"),
    (_weights([64, 0], [0, 1], exponent=2), r"'p': lava-dl would change its weights: 0\.\.256 do not fit"),
    (_weights([255, 0], [0, -1]), r"'p': lava-dl would change its weights: -1\.\.255 do not fit"),
    (_weights([151, 0], [0, -1]), r"'p': lava-dl would .*: they are odd and reach -1\.\.151, for which .* 9 bits"),
    (_weights([-128, -1], [-3, -1]), "'p': lava-dl .*: lava-dl doubles the least of them up to -256, which Lava clips"),
    (_weights([-64, 0], [0, -1]), "'p': lava-dl .*: lava-dl doubles the least of them up to -256, which Lava clips"),
]


@pytest.mark.parametrize(("program", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_a_file_cannot_say_is_refused_by_name_and_leaves_nothing(program, message, tmp_path):
    with pytest.raises(UnsupportedError, match=f"^population {message}"):
        to_netx.export(program, tmp_path / "netx")
    with pytest.raises(UnsupportedError, match=f"^population {message}"):
        to_netx.execute(program, np.zeros((1, 1, *program.input.shape), int))
    assert list(tmp_path.iterdir()) == []


def test_a_bias_upstream_of_recurrence_is_named():
    loop = Connection("second", ONE, lag=1)
    first = Population("first", (2,), (READS,), bias_mantissa=64)
    second = Population("second", (2,), (Connection("first", ONE), loop))
    with pytest.raises(UnsupportedError, match="'second': reads itself and stands behind 'first', which has a bias"):
        layers(Program(Input((2,)), (first, second)))
    calm = Population("first", (2,), (READS,), bias_mantissa=-64)  # fires nobody
    assert not layers(Program(Input((2,)), (calm, second))).streams


def test_kernels_beyond_32_bits_are_refused():
    program = Program(IMAGE, (Population("p", (1, 4, 4), (Connection("input", Conv([[[[2**28]]]]), 7),)),))
    with pytest.raises(UnsupportedError, match="'p': weights << 7 do not fit 32 bits  fix: lower the weight exponent"):
        layers(program)


def test_the_order_of_the_chain_is_not_the_order_of_the_list():
    late = Population("late", (2,), (Connection("early", ONE),))
    early = Population("early", (2,), (READS,))
    made = layers(Program(Input((2,)), (late, early))).layers
    assert [layer.population for layer in made] == ["", "early", "late"]


LOST = [
    (_one(), []),
    (_one(bias_mantissa=64), ["its bias acts between samples too"]),
    (_one((READS, _loop())), ["its last spikes would reach the next sample"]),
    (_one(fires=False), ["never fires by vThMant = 131072 on the CPU"]),
    (_one(vth=[3, 4]), ["vThMant per neuron"]),
    (_one(du=[3, 4], dv=[1, 2]), ["iDecay, vDecay per neuron"]),
    (_image(Conv([[[[255]]]])), []),
    (_image(Conv([[[[256]]]])), ["weights that no 8-bit synapse holds"]),
    (_image(Conv([[[[3, -1, 0]]]], padding=(0, 1))), ["weights that no 8-bit synapse holds"]),
    (_image(Conv([[[[4, -2, 0]]]], padding=(0, 1))), []),
]


@pytest.mark.parametrize(("program", "losses"), LOST)
def test_what_the_file_leaves_open_is_a_loss_of_its_population(program, losses):
    found = layers(program).losses
    assert [loss.where for loss in found] == ["p"] * len(losses)
    assert all(loss.what.startswith(what) for loss, what in zip(found, losses, strict=True))


def test_what_the_input_needs_is_a_loss_of_the_program(tmp_path):
    program = Program(Input((2,), -3, 8), (Population("p", (2,), (READS,)),))
    artifact = to_netx.export(program, tmp_path / "netx")
    assert [str(loss) for loss in artifact.losses] == [
        "input messages are -3..8; read it with Network(input_message_bits=24)"
    ]
    assert json.loads((tmp_path / "netx" / "plan.json").read_text())["input"]["message_bits"] == 24


def test_large_images_need_the_shim():
    wide = Program(Input((1, 1, 140)), (Population("p", (1, 1, 140), (Connection("input", Conv([[[[5]]]])),)),))
    assert [loss.what[:20] for loss in layers(wide).losses] == ["a size beyond 127; o"]


@pytest.mark.parametrize(
    ("weight", "exponent", "expected"),
    [([3, -1], 2, [12, -4]), ([8, -4], -2, [2, -1]), ([8, -3], -2, None), ([0, 0], -8, [0, 0])],
)
def test_an_exponent_is_folded_exactly_or_not_at_all(weight, exponent, expected):
    folded = fold(np.array([weight]), exponent)
    assert (None if folded is None else folded[0].tolist()) == expected


READER = """
import sys
sys.path.insert(0, sys.argv[1])
import netx_graph, numpy as np
netx_graph.check()
from lava.lib.dl.netx.utils import optimize_weight_bits
from lava.utils.weightutils import clip_weights, determine_sign_mode, truncate_weights

def held(part, bits):
    sign = determine_sign_mode(part)
    return truncate_weights(clip_weights(part, sign, num_bits=8), sign, bits)

kept = []
with np.load(sys.argv[2]) as cases, np.errstate(divide="ignore"):
    for number in range(len(cases) // 2):
        matrices = cases[f"{number}.0"], cases[f"{number}.1"]
        joined, bits, exponent, _ = optimize_weight_bits(np.hstack(matrices))
        parts = np.split(joined, [matrices[0].shape[1]], axis=1)
        pairs = [(part, matrix) for part, matrix in zip(parts, matrices) if part.size]
        kept.append(all(np.array_equal(held(part, bits) * 2.0**exponent, matrix) for part, matrix in pairs))
np.save(sys.argv[3], kept)
"""


def _matrices(rng):
    """One matrix, or two that a recurrent layer reads together, at the edges of their signs' ranges."""
    limit = int(rng.choice([1, 2, 3, 7, 64, 127, 128, 129, 200, 254, 255, 256, 257]))
    low, high = [(-limit, limit), (0, limit), (-limit, 0), (-limit, -1), (1, limit)][rng.integers(5)]
    step = int(rng.choice([1, 1, 2, 4, 64]))
    found = [rng.integers(low, high + 1, (2, rng.integers(1, 4))) // step * step for _ in range(rng.integers(1, 3))]
    if rng.integers(3) == 0:
        found[0].flat[0] = rng.choice([low, high])
    if len(found) == 2 and rng.integers(2):
        found[1] = abs(found[1]) * int(rng.integers(0, 2))
    return found


def test_which_matrices_survive_is_what_lava_dl_and_lava_do_with_them(tmp_path):
    rng = np.random.default_rng(7)
    cases = [m for m in (_matrices(rng) for _ in range(1500)) if any(part.any() for part in m)]
    none = np.empty((2, 0), int)
    pairs = {f"{i}.{k}": part for i, m in enumerate(cases) for k, part in enumerate([*m, none][:2])}
    np.savez(tmp_path / "cases.npz", **pairs)
    words = [str(find_python()), "-I", "-B", "-c", READER, str(STANDALONE), str(tmp_path / "cases.npz")]
    subprocess.run([*words, str(tmp_path / "kept.npy")], check=True, capture_output=True)
    kept, harm = np.load(tmp_path / "kept.npy"), [damage(m) for m in cases]
    assert len(kept) == len(cases)
    for survived, said, matrices in zip(kept, harm, cases, strict=True):
        # nine bits pass on a CPU and exist on no chip
        assert survived == (said is None) or (survived and "9 bits" in said), (said, matrices)
    assert 200 < sum(said is None for said in harm) < 1300
