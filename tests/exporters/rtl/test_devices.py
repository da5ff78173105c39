"""Which FPGA holds a core is counted from its memories, and said where it is exported."""

import json

import numpy as np
import pytest

from exporters.rtl_export.devices import FPGAS, Fit, fit, fits, said_of
from exporters.rtl_export.images import images_of, sizes_of
from exporters.rtl_export.memories import varying_bits
from exporters.rtl_export.plan import plan_of
from exporters.rtl_export.sizes import Sizes
from exporters.to_rtl import export
from sim.program import Connection, Dense, Input, Population, Program

UP5K, ECP5_25, ECP5_45 = (next(f for f in FPGAS if f.name == name) for name in ("iCE40 UP5K", "ECP5-25", "ECP5-45"))


def dense(neurons: int, inputs: int, low: int = -127) -> Program:
    weight = np.random.default_rng(0).integers(low, -low + 1, (neurons, inputs)) * 2 + 1
    return Program(Input((inputs,)), (Population("p", (neurons,), (Connection("input", Dense(weight), -2),), vth=9),))


def sizes_for(program: Program, lanes: int = 4) -> Sizes:
    plan = plan_of(program)
    return sizes_of(plan, images_of(plan, lanes), lanes)


def test_a_block_takes_the_shape_that_suits_a_memory_best():
    sizes = Sizes(lanes=4, wb=8, weights=513)  # 513 words of 32 bits, and eight memories of one word
    needed = {
        "weights": 6,
        "sums": 6,
        "states": 2,
        "registers": 4,
        "messages": 1,
        "inputs": 1,
        "table": 1,
        "program": 2,
    }
    assert fit(sizes, UP5K).blocks == sum(needed.values())
    assert fit(sizes, ECP5_25).blocks == 2 + 3 + 1 + 2 + 1 + 1 + 1 + 1


def test_bits_that_are_the_same_in_all_words_take_no_memory():
    program = dense(16, 16)
    plan = plan_of(program)
    images = images_of(plan, 4)
    sizes = sizes_of(plan, images, 4)
    varying = varying_bits(images, sizes)
    assert varying["registers"] == 1  # one set for all
    assert varying["weights"] == 32  # 36 bits, every weight is odd
    assert fit(sizes, UP5K, varying).blocks < fit(sizes, UP5K).blocks


def test_single_port_memory_is_used_where_the_blocks_alone_do_not_do():
    small, large = fit(sizes_for(dense(16, 16)), UP5K), fit(sizes_for(dense(64, 128)), UP5K)
    assert (small.holds, small.single) == (True, 0)
    assert large.holds
    assert large.single == 4  # words of 36 bits are three of 16, and the messages
    assert not fit(sizes_for(dense(1024, 1024)), UP5K).holds


def test_the_export_says_which_device_holds_it(tmp_path):
    program = dense(256, 600)
    sizes = sizes_for(program)
    assert not fit(sizes, ECP5_25).holds
    assert fit(sizes, ECP5_45).holds
    artifact = export(program, tmp_path / "rtl")
    assert artifact.notes[0].startswith("memory fits: ECP5-45 (")
    assert "ECP5-25 (" in artifact.notes[1]
    facts = json.loads((tmp_path / "rtl" / "rtl.json").read_text())
    assert next(row["name"] for row in facts["devices"] if row["holds"]) == "ECP5-45"
    makefile = (tmp_path / "rtl" / "Makefile").read_text()
    assert "DEVICE ?= --45k\n" in makefile
    assert "HUGE ?= 1\n" in makefile


@pytest.mark.parametrize(("held", "lines"), [(True, 1), (False, 2)])
def test_all_and_none_are_said_in_words(held, lines):
    found = said_of((Fit(ECP5_25, 1 if held else 99, 0),))
    assert len(found) == lines
    assert held or found == (
        "no FPGA we know is sure to have memory enough",
        "memory does not fit: ECP5-25 (99 of 56 blocks)",
    )
    assert len(fits(Sizes())) == len(FPGAS)


def test_a_device_that_is_short_by_a_block_may_hold_it_yet():
    found = said_of((Fit(ECP5_25, 57, 0), Fit(ECP5_45, 57, 0), Fit(UP5K, 31, 5)))
    assert found == (
        "memory fits: ECP5-45 (57 of 108 blocks)",
        "memory may fit, synthesis will tell: ECP5-25 (57 of 56 blocks)",
        "memory does not fit: iCE40 UP5K (31 of 30 blocks, 5 of 4 single-port)",
    )
