"""An arithmetic that gets a register or a property more: who has not learnt it refuses it by name where it is used."""

from dataclasses import replace

import pytest

from exporters.firmware.plan import firmware_plan
from exporters.lava.plan import plan
from exporters.netx_export.layers import layers
from exporters.rtl_export.plan import plan_of
from sim.arithmetic import loihi
from sim.arithmetic.description import Property, Register
from sim.errors import UnsupportedError
from sim.program import Connection, Dense, Input, Population, Program

WRITERS = {"Lava": plan, "NetX": layers, "the RTL core": plan_of, "the firmware": firmware_plan}


@pytest.fixture(autouse=True)
def one_more(monkeypatch):
    known = loihi.ARITHMETIC
    registers = (*known.registers, Register("gain", (0, 9), optional=True))
    properties = (*known.properties, Property("bursts", 0, (0, 9)))
    monkeypatch.setattr(loihi, "ARITHMETIC", replace(known, registers=registers, properties=properties))


def _program(**values) -> Program:
    p = Population("p", (2,), (Connection("input", Dense([[2, 4], [6, 8]])),), vth=5, **values)
    return Program(Input((2,)), (p,))


@pytest.mark.parametrize("who", WRITERS)
@pytest.mark.parametrize("values", [{"gain": [0, 3]}, {"bursts": 2}], ids=["register", "property"])
def test_what_a_writer_has_not_learnt_is_refused_by_name(who, values):
    (name,) = values
    with pytest.raises(UnsupportedError, match=f"population 'p': has {name}, which {who} does not know"):
        WRITERS[who](_program(**values))


@pytest.mark.parametrize("who", WRITERS)
def test_at_its_default_it_stands_in_nobodys_way(who):
    assert WRITERS[who](_program()) is not None
