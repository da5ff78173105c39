"""What each number of a program may be, to its last value: the ends are legal, and one beyond them is refused."""

import dataclasses

import numpy as np
import pytest

from sim.arithmetic import loihi
from sim.arithmetic.description import Accumulator
from sim.arithmetic.registry import ARITHMETICS, get_arithmetic
from sim.engines import run
from sim.errors import ProgramError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import recordable
from sim.weight_rule import weight_bits
from sim.wiring import apply, fan_out, output_shape

REGISTERS = {
    "loihi": {
        "du": (0, 4095),
        "dv": (0, 4095),
        "vth": (0, 131071),
        "bias_mantissa": (-4096, 4095),
        "bias_exponent": (0, 7),
        "u0": (-(2**23) + 1, 2**23),
        "v0": (-(2**23) + 1, 2**23 - 1),
    },
    "xylo": {
        "dash_syn": (0, 15),
        "dash_syn2": (0, 15),
        "dash_mem": (0, 15),
        "theta": (1, 32767),
        "bias": (-32768, 32767),
        "i0": (-32768, 32767),
        "i20": (-32768, 32767),
        "v0": (-32768, 32767),
    },
}
DEFAULTS = {
    "loihi": {"du": 4095, "most": 1, "at_threshold": False, "refractory": 0},
    "xylo": {"dash_syn": 1, "dash_syn2": 1, "dash_mem": 1, "theta": 1, "most": 1},
}
PROPERTIES = {"loihi": {"most": (1, 255), "refractory": (0, 62)}, "xylo": {"most": (1, 31)}}
LINKS = {"loihi": {"exponent": (-8, 7), "lag": (0, 4096), "port": (0, 0)}, "xylo": {"exponent": (0, 8), "port": (0, 1)}}
MESSAGES = {"loihi": (-(2**23) + 1, 2**23 - 1), "xylo": (0, 15)}
NEEDED = {"loihi": {"vth": 1}, "xylo": {}}


def _program(arithmetic="loihi", link=None, described=None, weight=((1,),), record=None, **values):
    heard = Connection("input", Dense(np.array(weight)), **(link or {}))
    p = Population("p", (len(weight),), (heard,), arithmetic=arithmetic, **{**NEEDED[arithmetic], **values})
    return Program(described or Input((1,)), (p,), arithmetic, record=record or {})


def _each(table):
    return [(arithmetic, name, *span) for arithmetic, spans in table.items() for name, span in spans.items()]


def test_every_register_and_property_has_its_ends_here():
    for name in ARITHMETICS:
        described = get_arithmetic(name)
        assert REGISTERS[name].keys() == described.spans.keys()
        assert {p.name for p in described.properties} - {"at_threshold"} == PROPERTIES[name].keys()


@pytest.mark.parametrize(("arithmetic", "register", "low", "high"), _each(REGISTERS))
def test_a_register_holds_its_ends_and_nothing_beyond(arithmetic, register, low, high):
    for value in (low, high):
        p = _program(arithmetic, **{register: value}).output
        assert p.registers[register].tolist() == [value]
    for value in (low - 1, high + 1):
        with pytest.raises(ProgramError, match=f"population 'p': {register} {value}..{value} is outside the register"):
            _program(arithmetic, **{register: value})


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_what_is_not_given_has_its_default(arithmetic):
    p = Population("p", (2,), arithmetic=arithmetic)
    given = DEFAULTS[arithmetic]
    assert {n: v.tolist() for n, v in p.registers.items()} == {n: [given.get(n, 0)] * 2 for n in REGISTERS[arithmetic]}
    assert p.properties == {n: v for n, v in given.items() if n not in REGISTERS[arithmetic]}
    assert p.reset == ("zero" if arithmetic == "loihi" else "subtract")
    assert p.fires


@pytest.mark.parametrize(("arithmetic", "name", "low", "high"), _each(PROPERTIES))
def test_a_property_is_an_integer_between_its_ends(arithmetic, name, low, high):
    for value in (low, high):
        assert _program(arithmetic, **{name: value}).output.properties[name] == value
    for value in (low - 1, high + 1, True, float(high)):
        with pytest.raises(ProgramError, match=f"{name} {value!r}  fix: use an integer in {low}..{high}"):
            _program(arithmetic, **{name: value})


def test_a_threshold_fires_when_reached_or_not_and_there_is_nothing_between():
    for value in (0, 1, 2):
        with pytest.raises(ProgramError, match=f"at_threshold {value}  fix: use True or False"):
            _program(at_threshold=value)


def test_who_counts_how_often_a_threshold_fits_needs_one():
    with pytest.raises(ProgramError, match="p': sends up to 2 spikes a step and has vth 0  fix: use vth of at least 1"):
        _program(most=2, vth=0)
    assert _program(most=1, vth=0).output.most_sent == 1
    assert _program(most=2, vth=1).output.most_sent == 2
    assert _program(most=2, vth=1, fires=False).output.most_sent == 0


@pytest.mark.parametrize(("arithmetic", "name", "low", "high"), _each(LINKS))
def test_a_connection_holds_its_ends_and_nothing_beyond(arithmetic, name, low, high):
    for value in (low, high):
        assert getattr(_program(arithmetic, {name: value}).output.inputs[0], name) == value
    for value in (low - 1, high + 1, False, float(low)):
        with pytest.raises(ProgramError, match=f"with {name} {value!r}  fix: use an integer {name} in {low}..{high}"):
            _program(arithmetic, {name: value})


@pytest.mark.parametrize(("arithmetic", "ends"), MESSAGES.items())
def test_messages_span_a_range_that_holds_0(arithmetic, ends):
    low, high = ends
    for lo, hi in (ends, (low, 0), (0, high), (0, 0)):
        assert _program(arithmetic, described=Input((1,), lo, hi)).input.hi == hi
    for lo, hi in ((low - 1, 1), (0, high + 1), (1, 2), (-2, -1), (0, 1.0), (0.0, 1)):
        with pytest.raises(ProgramError, match=f"input: messages {lo}..{hi}  fix: give a range of"):
            _program(arithmetic, described=Input((1,), lo, hi))


@pytest.mark.parametrize(("arithmetic", "ends"), [("xylo", (-128, 127)), ("loihi", (-(2**31), 2**31 - 1))])
def test_a_weight_is_what_the_arithmetic_multiplies_by(arithmetic, ends):
    for value in ends:
        assert _program(arithmetic, weight=[[value]]).output.inputs[0].wiring.weight.tolist() == [[value]]
    for value in (ends[0] - 1, ends[1] + 1):
        with pytest.raises(ProgramError, match=r"do not fit 32 bits|use integers in -128\.\.127"):
            _program(arithmetic, weight=[[value]])


def test_a_register_value_is_one_of_32_bits_before_it_is_anything_else():
    for value in (2**31, -(2**31) - 1):
        for given in (value, np.array([value])):
            with pytest.raises(ProgramError, match=f"p': u0: {value}..{value} is no register value"):
                Population("p", (1,), u0=given)
    for value in (2**31 - 1, -(2**31)):
        for given in (value, np.array([value])):
            assert Population("p", (2,), u0=given).u0.tolist() == [value, value]
    with pytest.raises(ProgramError, match="u0: expected integers, got bool"):
        Population("p", (1,), u0=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("stride", (0, 1)), ("stride", (1, 0)), ("padding", (-1, 0)), ("dilation", (1, 0)), ("stride", (1, 1, 1))],
)
def test_the_geometry_of_a_convolution_has_two_numbers_and_a_least_one(name, value):
    with pytest.raises(ProgramError, match=f"Conv {name}: expected two integers of at least"):
        Conv(np.ones((1, 1, 1, 1), int), **{name: value})


def test_groups_divide_the_channels():
    for groups in (0, -1, 3):
        with pytest.raises(ProgramError, match=f"Conv groups: {groups} does not divide 4 output channels"):
            Conv(np.ones((4, 1, 1, 1), int), groups=groups)
    for groups in (1, 2, 4):
        conv = Conv(np.ones((4, 2, 1, 1), int), groups=groups)
        assert output_shape(conv, (2 * groups, 3, 3), ()) == (4, 3, 3)
        with pytest.raises(ProgramError, match=rf"reads \({2 * groups}, H, W\), not \(5, 3, 3\)"):
            output_shape(conv, (5, 3, 3), ())
        with pytest.raises(ProgramError, match=rf"reads \({2 * groups}, H, W\), not \({2 * groups},\)"):
            output_shape(conv, (2 * groups,), ())


@pytest.mark.parametrize(
    ("shape", "legal"),
    [
        ((1,), True),
        ((1, 1, 1), True),
        ((), False),
        ((1, 1), False),
        ((1, 1, 1, 1), False),
        ((0,), False),
        ((1, 0, 1), False),
    ],
)
def test_a_shape_has_one_side_or_three(shape, legal):
    def make():
        return Program(Input(shape), (Population("p", (1,)),))

    if legal:
        assert make().input.shape == shape
    else:
        with pytest.raises(
            ProgramError, match=r"input: shape .* fix: use \(N,\) or \(C, H, W\), every side at least 1"
        ):
            make()


def test_an_input_has_fewer_than_2_to_the_31_elements():
    assert Program(Input((2**31 - 1,)), (Population("p", (1,)),)).input.shape == (2**31 - 1,)
    with pytest.raises(ProgramError, match=r"has 2\^31 elements or more"):
        Program(Input((2**31,)), (Population("p", (1,)),))


@pytest.mark.parametrize("name", ["a", "A9", "_", "7", "a.b-c_d"])
def test_a_name_is_letters_digits_and_three_marks(name):
    assert Program(Input((1,)), (Population(name, (1,)),)).by_name.keys() == {name}


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a\n", "é"])
def test_a_name_of_anything_else_is_illegal(name):
    with pytest.raises(ProgramError, match=r"illegal name  fix: use letters, digits, '_', '\.' and '-'"):
        Program(Input((1,)), (Population(name, (1,)),))


@pytest.mark.parametrize("name", ["input", "output"])
def test_names_with_a_meaning_are_reserved(name):
    with pytest.raises(ProgramError, match=f"population '{name}': the name is reserved  fix: choose another name"):
        Program(Input((1,)), (Population(name, (1,)),))


def test_populations_of_two_arithmetics_make_no_program():
    with pytest.raises(ProgramError, match="of arithmetic 'xylo', the program is of 'loihi'  fix: make the population"):
        Program(Input((1,)), (Population("p", (1,), arithmetic="xylo"),))


@pytest.mark.parametrize(
    ("bits", "rule", "least", "greatest", "step"),
    [
        (8, "loihi", -256, 254, 2),
        (7, "loihi", -256, 252, 4),
        (8, "loihi", 0, 255, 1),
        (3, "loihi", 0, 224, 32),
        (1, "loihi", 0, 128, 128),
        (8, "loihi", -255, 0, 1),
        (2, "loihi", -192, 0, 64),
        (2, "signed", -2, 1, 1),
        (8, "signed", -128, 127, 1),
        (32, "signed", -(2**31), 2**31 - 1, 1),
    ],
)
def test_a_record_states_which_weights_there_are_to_the_last(bits, rule, least, greatest, step):
    stated = {"weights": {"bits": bits, "rule": rule}}
    assert _program(weight=[[least], [greatest]], record=stated).record["weights"] == stated["weights"]
    beyond = [[[least - step], [greatest]]] if least else []
    beyond += [[[least], [greatest + step]]] if greatest > 0 else []
    beyond += [[[least], [greatest - step // 2]]] if step > 1 else []
    for weight in beyond:
        with pytest.raises(ProgramError, match=r"contradict the record|do not fit 32 bits"):
            _program(weight=weight, record=stated)


@pytest.mark.parametrize(("rule", "ends"), [("loihi", (1, 8)), ("signed", (2, 32))])
def test_a_rule_has_so_many_bits_and_no_others(rule, ends):
    for bits in ends:
        program = _program(weight=[[0]], record={"weights": {"bits": bits, "rule": rule}})
        assert weight_bits(program, program.output, 0) == bits
    for bits in (ends[0] - 1, ends[1] + 1, True, "8", None):
        with pytest.raises(ProgramError, match=r"is not understood  fix: write \{'bits': 8, 'rule': 'loihi'\}: rule"):
            _program(weight=[[0]], record={"weights": {"bits": bits, "rule": rule}})


def test_a_layer_has_bits_of_its_own():
    stated = {"bits": 8, "rule": "signed", "layers": {"p[0]": 4, "q[0]": 2}}
    program = _program(weight=[[7]], record={"weights": stated})
    assert weight_bits(program, program.output, 0) == 4
    with pytest.raises(
        ProgramError, match=r"weights 8\.\.8 from 'input' contradict the record \(4 bits, rule 'signed'"
    ):
        _program(weight=[[8]], record={"weights": stated})
    for wrong in ({"layers": [4]}, {"layers": {"p[0]": 33}}, {"rule": 8}):
        with pytest.raises(ProgramError, match="is not understood"):
            _program(record={"weights": stated | wrong})


def test_an_accumulator_without_a_limit_refuses_no_sum(monkeypatch):
    """What a machine adds up without an end is refused nowhere: here 2^21, which a Loihi does not hold."""
    weight, raster = [[2**20]], np.array([[[2]]])
    with pytest.raises(Exception, match=r"\|a\| >= 2\^21 leaves the accumulator"):
        run(_program(weight=weight, described=Input((1,), 0, 2)), raster, allow_wrap=True)
    endless = dataclasses.replace(loihi.ARITHMETIC, accumulator=Accumulator(None, bits=32))
    monkeypatch.setattr(loihi, "ARITHMETIC", endless)
    trace = run(
        program := _program(weight=weight, described=Input((1,), 0, 2), vth=131071),
        raster,
        record=recordable(program),
        allow_wrap=True,
    )
    assert trace.u["p"].tolist() == [[[2**27 - 2**24]]]


def test_products_are_exact_on_both_sides_of_what_floats_hold():
    """At 2^53 a float64 drops the last bit: from there on integers are multiplied."""
    for wide in (2**31 - 1, 2**22, 3):
        message = np.array([[wide, wide, 1]])
        for weight in (2**31 - 1, 2**22 + 1, -(2**31), 1):
            made = apply(Dense(np.array([[weight, weight, 1]])), message, (3,), (1,))
            assert made.tolist() == [[2 * wide * weight + 1]]


def test_a_dense_wiring_meets_every_weight_that_is_not_0_once():
    assert fan_out(Dense([[1, 0, -2], [0, 0, 3]]), (3,), (2,)).tolist() == [1, 0, 2]
