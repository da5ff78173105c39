"""Which Programs are legal, what the refusals say, and what the digest covers."""

import numpy as np
import pytest

from sim.errors import ProgramError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.wiring import synapse_count
from tests.programs import random_program


def _population(name="p", source="input", **changes):
    wiring = changes.pop("wiring", Dense([[1, 2]]))
    link = Connection(source, wiring, **{k: changes.pop(k) for k in ("exponent", "lag") if k in changes})
    return Population(name, changes.pop("shape", (1,)), (link,), **changes)


def _program(*populations, **changes):
    return Program(changes.pop("input", Input((2,))), populations, **changes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Dense([[0.5]]),
            "Dense weight: expected integers, got float64  fix: quantise before building a Program",
        ),
        (lambda: Dense([1]), r"Dense weight: expected 2 axes, none of length 0, got shape \(1,\)"),
        (lambda: Dense([[2**40]]), "do not fit 32 bits"),
        (lambda: Conv(np.ones((3, 1, 1, 1), int), groups=2), "Conv groups: 2 does not divide 3 output channels"),
        (lambda: Conv(np.ones((1, 1, 1, 1), int), stride=(0, 1)), r"Conv stride: expected two integers of at least 1"),
        (lambda: Conv(np.ones((1, 1, 1, 1), int), padding=(1,)), r"Conv padding: expected two integers of at least 0"),
        (lambda: _population(vth=1.5), "population 'p': vth: expected integers, got float64"),
        (lambda: _population(vth=[1, 2, 3]), r"population 'p': vth: shape \(3,\) does not fit \(1,\)"),
        (lambda: _program(), "a program needs at least one population"),
        (lambda: _program(_population("input")), "population 'input': the name is reserved"),
        (lambda: _program(_population("a/b")), "population 'a/b': illegal name"),
        (lambda: _program(_population(), _population()), "population 'p': the name is used twice"),
        (
            lambda: _program(_population(shape=(1, 1))),
            r"population 'p': shape \(1, 1\)  fix: use \(N,\) or \(C, H, W\)",
        ),
        (lambda: _program(_population(du=4096)), r"population 'p': du 4096..4096 is outside the register's 0..4095"),
        (lambda: _program(_population(vth=131072)), "vth 131072..131072 is outside the register's 0..131071"),
        (lambda: _program(_population(bias_mantissa=4096)), "bias_mantissa 4096..4096 is outside"),
        (
            lambda: _program(_population(u0=-(2**23))),
            "u0 -8388608..-8388608 is outside the register's -8388607..8388608",
        ),
        (lambda: _program(_population(reset="soft")), "population 'p': reset 'soft'  fix: use 'zero' or 'subtract'"),
        (
            lambda: _program(_population(source="q")),
            "population 'p': reads 'q', which does not exist  fix: read one of",
        ),
        (
            lambda: _program(_population(lag=-1)),
            r"population 'p': reads 'input' with lag -1  fix: use an integer lag in 0",
        ),
        (lambda: _program(_population(exponent=8)), r"with exponent 8  fix: use an integer exponent in -8..7"),
        (
            lambda: _program(_population(wiring=Dense([[1]]))),
            r"population 'p': reads 'input': Dense weight \(1, 1\) reads 1",
        ),
        (lambda: _program(_population(wiring=Dense([[1, 1], [1, 1]]))), "makes 2 values, the target is"),
        (
            lambda: _program(_population(source="p", wiring=Dense([[1]]))),
            "population 'p': reads 'p' with lag 0, which closes a cycle  fix: give the connection lag=1",
        ),
        (lambda: _program(_population(), input=Input((2,), 1, 2)), "input: messages 1..2  fix: give a range of 24-bit"),
        (lambda: _program(_population(), arithmetic="truenorth"), "arithmetic 'truenorth' is unknown"),
        (lambda: _program(_population(), record={"a": float("nan")}), "record: not JSON"),
        (
            lambda: _program(_population(wiring=Dense([[1, -2]])), record={"weights": {"bits": 8, "rule": "loihi"}}),
            r"population 'p': weights -2..1 from 'input' contradict the record \(8 bits, rule 'loihi': multiples of 2",
        ),
        (
            lambda: _program(_population(), record={"weights": {"bits": 1, "rule": "signed"}}),
            r"record: weights .* is not understood",
        ),
    ],
)
def test_an_illegal_program_is_refused_by_what_where_and_cure(make, message):
    with pytest.raises(ProgramError, match=message):
        make()


def test_the_cycle_error_names_the_reader_and_its_source():
    conv2 = Population("conv2", (1,), (Connection("fc1", Dense([[1]])),))
    fc1 = Population("fc1", (1,), (Connection("conv2", Dense([[1]])),))
    with pytest.raises(ProgramError) as caught:
        _program(conv2, fc1)
    assert str(caught.value) in {
        "population 'conv2': reads 'fc1' with lag 0, which closes a cycle  fix: give the connection lag=1",
        "population 'fc1': reads 'conv2' with lag 0, which closes a cycle  fix: give the connection lag=1",
    }


def test_a_conv_reads_channels_it_has_and_makes_the_shape_it_says():
    wiring = Conv(np.ones((4, 2, 3, 3), int), stride=(2, 1), padding=(1, 0), dilation=(1, 2))
    described = Input((2, 9, 9))
    fits = Population("c", (4, 5, 5), (Connection("input", wiring),))
    assert Program(described, (fits,)).output.size == 100
    with pytest.raises(ProgramError, match=r"the wiring makes \(4, 5, 5\), the population is \(4, 5, 4\)"):
        Program(described, (Population("c", (4, 5, 4), fits.inputs),))
    with pytest.raises(ProgramError, match=r"reads \(2, H, W\), not \(3, 9, 9\)"):
        Program(Input((3, 9, 9)), (fits,))
    with pytest.raises(ProgramError, match=r"Conv kernel \(3, 3\) does not fit into \(2, 9, 1\)"):
        Program(Input((2, 9, 1)), (fits,))


def test_synapses_of_a_padded_convolution_are_those_inside_the_border():
    same = Conv(np.ones((1, 1, 3, 3), int), padding=(1, 1))
    assert synapse_count(same, (1, 3, 3), (1, 3, 3)) == 4 * 4 + 4 * 6 + 9


def test_arrays_are_read_only_and_of_the_narrowest_type():
    assert Dense([[127, -128]]).weight.dtype == np.int8
    assert Dense([[128]]).weight.dtype == np.int16
    assert Dense([[2**15]]).weight.dtype == np.int32
    p = _program(_population(vth=3))
    with pytest.raises(ValueError, match="read-only"):
        p.populations[0].vth[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        p.populations[0].inputs[0].wiring.weight[0, 0] = 1


def test_the_digest_is_the_same_for_the_same_program_and_another_for_every_changed_field():
    def digest(link=None, **changes):
        wiring = Conv(np.arange(9).reshape(1, 1, 3, 3), padding=(1, 1))
        facts = {"wiring": wiring, "source": "input", "exponent": 0, "lag": 0} | (link or {})
        described = changes.pop("input", Input((1, 5, 5)))
        record = changes.pop("record", {"origin": "a"})
        name = changes.pop("name", "p")
        one = Population(name, (1, 5, 5), (Connection(**facts),), **changes)
        return Program(described, (one,), record=record).digest

    weight = np.arange(9).reshape(1, 1, 3, 3).copy()
    weight[0, 0, 1, 1] ^= 1
    digests = [
        digest(),
        digest({"wiring": Conv(weight, padding=(1, 1))}),
        digest({"wiring": Conv(np.arange(9).reshape(1, 1, 3, 3), padding=(2, 2), dilation=(2, 2))}),
        digest({"exponent": 1}),
        digest({"lag": 1}),
        digest(vth=1),
        digest(du=4094),
        digest(dv=1),
        digest(bias_mantissa=1),
        digest(bias_exponent=1),
        digest(u0=1),
        digest(v0=1),
        digest(reset="subtract"),
        digest(fires=False),
        digest(vth=1, most=2),
        digest(at_threshold=True),
        digest(refractory=1),
        digest(name="q"),
        digest(record={"origin": "b"}),
        digest(input=Input((1, 5, 5), 0, 2)),
    ]
    assert len(set(digests)) == len(digests)
    assert digest() == digests[0]


def test_the_digest_does_not_change_from_one_version_to_the_next():
    program = random_program(np.random.default_rng(1))
    assert len(program.digest) == 64
    fixed = Program(Input((2,)), (Population("p", (1,), (Connection("input", Dense([[1, -2]])),), vth=3),))
    assert fixed.digest == "f3b9ddc29d0b8da662cd008b1d3ff5a21e5977673df1342e4cf7972b3b3d32f0"


def test_the_record_is_plain_json_and_keys_are_order_free():
    one = _program(_population(), record={"a": 1, "b": [1.5, None]})
    two = _program(_population(), record={"b": (1.5, None), "a": 1})
    assert one.digest == two.digest
    assert dict(one.record) == {"a": 1, "b": [1.5, None]}


def test_a_program_says_of_each_population_when_it_fires():
    connection = Connection("input", Dense([[1, 2]]))
    said = repr(
        _program(Population("a", (1,), (connection,), vth=7), Population("b", (1,), (connection,), fires=False))
    )
    rows = {line.split()[0]: line.split() for line in said.splitlines() if line.strip()[:2] in ("a ", "b ")}
    assert rows["a"][4:] == ["above", "7", "zero"]
    assert rows["b"][4:] == ["never", "zero"]
    other = Program(Input((2,)), (Population("c", (1,), (connection,), arithmetic="xylo"),), "xylo")
    assert repr(other).splitlines()[-1].split()[4:] == ["yes", "subtract"]
