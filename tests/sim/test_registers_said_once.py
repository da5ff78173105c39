"""What is written about the registers by hand says what the description says."""

import re
from pathlib import Path

import pytest

from sim.arithmetic.description import bits_of, power
from sim.arithmetic.loihi import ARITHMETIC
from sim.arithmetic.registry import ARITHMETICS, get_arithmetic
from sim.program import Population
from snn2hw.chips.target import TARGETS, get_target

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ARITHMETICS)
def test_a_description_is_whole(name):
    described = get_arithmetic(name)
    assert described.name == name
    assert {s.initial for s in described.states} <= described.spans.keys()
    assert all(low <= r.default <= high for r in described.registers for low, high in [r.span])
    assert all(low <= int(p.default) <= high for p in described.properties for low, high in [p.span])
    assert {r.sourced_by for r in described.registers} <= {"", *described.spans}
    names = [*described.spans, *(p.name for p in described.properties)]
    assert len(set(names)) == len(names)
    assert not set(names) & set(dir(Population))  # a register is an attribute of its population


def test_the_contract_states_the_ranges_of_the_description():
    text = (ROOT / "docs" / "arithmetic.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| (-?\d+\.\.\d+) \|", text, re.MULTILINE))
    assert table == {name: "{}..{}".format(*ARITHMETIC.spans[name]) for name in ("du", "dv", "vth")}
    mantissa, exponent = (ARITHMETIC.spans[name] for name in ("bias_mantissa", "bias_exponent"))
    assert f"| bias | mantissa {mantissa[0]}..{mantissa[1]}, exponent {exponent[0]}..{exponent[1]} |" in text
    assert f"| `a` | \\|a\\| < {power(ARITHMETIC.accumulator.limit)} |" in text
    assert "a weight exponent {}..{}".format(*ARITHMETIC.exponents) in text
    assert {s.bits for s in ARITHMETIC.states} == {24}


def test_the_runtime_in_c_has_the_registers_in_the_order_of_the_description():
    text = (ROOT / "exporters" / "c_export" / "runtime" / "snn_runtime.h").read_text(encoding="utf-8")
    assert f"struct snn_register {', '.join(ARITHMETIC.spans)};" in text


def test_widths_follow_from_ranges():
    assert {r.name: r.bits for r in ARITHMETIC.registers} == {
        "du": 12,
        "dv": 12,
        "vth": 17,
        "bias_mantissa": 13,
        "bias_exponent": 3,
        "u0": 25,  # it reaches +2^23
        "v0": 24,
    }
    assert bits_of(ARITHMETIC.messages) == 24
    assert bits_of((1 - ARITHMETIC.accumulator.limit, ARITHMETIC.accumulator.limit - 1)) == ARITHMETIC.accumulator.bits


@pytest.mark.parametrize("name", TARGETS)
def test_a_chip_has_all_registers_but_those_of_states(name):
    target = get_target(name)
    described = get_arithmetic(target.arithmetic)
    states = {f"{state.name}0" for state in described.states}
    assert [*target.registers] == [r for r in described.spans if r not in states]
    for register, (low, high) in target.registers.items():
        outer = described.spans[register]
        assert outer[0] <= low <= high <= outer[1]
