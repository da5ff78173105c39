"""A Program laid out for the firmware: which sums share a bank, how wide they are, and which loops may be used."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exporters.firmware.bounds import Int, Reach, States, ends_of, largest, messages_of, shifted, sinks, states_of
from exporters.firmware.rows import Rows, Words, field_bits, packed, rows_of, without_factor
from exporters.rtl_export.plan import three
from sim.arithmetic import DECAY_ONE, U_STORED, V_MAX
from sim.arithmetic.registry import require_arithmetic
from sim.errors import UnsupportedError
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Population, Program

__all__ = ["Bank", "Fade", "FirmwarePlan", "Place", "Read", "Sums", "Unit", "firmware_plan"]

COMPUTED = ("loihi",)
REGISTERS = ("du", "dv", "vth", "bias_mantissa", "bias_exponent", "u0", "v0")
PROPERTIES = ("most", "at_threshold", "refractory")
INT16, INT32, INT64 = (1 << 15) - 1, (1 << 31) - 1, (1 << 62) - 1
LEAN_EXPONENT = 8
"""The greatest whose factor, 64 << exponent, is a factor of 16 bits."""

FORGETS = DECAY_ONE - 1
TOO_WIDE, NARROWER = "its sums could leave 64 bits", "lower the weights or the input's range"


@dataclass(frozen=True)
class Place:
    """Where the neurons or messages of one source stand: channels last, ``span`` of them at a position."""

    channels: int
    height: int
    width: int
    span: int
    """Neurons of a position: an even number, so the last may be a dummy; the input has none."""
    ring: int
    """Steps that are kept."""
    form: str
    """``values``, ``bits`` or ``counts``."""

    @property
    def positions(self) -> int:
        """Return the number of positions."""
        return self.height * self.width

    @property
    def neurons(self) -> int:
        """Return how many stand there, dummies included."""
        return self.positions * self.span

    @property
    def words(self) -> int:
        """Return the words of 32 channels in a position."""
        return -(-self.channels // 32)


@dataclass(frozen=True, eq=False)
class Read:
    """One connection: its rows of weights in words of fields, and the loop that adds them."""

    connection: Connection
    rows: Rows
    words: Words
    bits: int
    """Of a weight."""
    kernel: str
    bank: int
    """The number of the bank that it adds to."""


class Fade(NamedTuple):
    """What a state keeps from step to step: x keep / 2^shift."""

    keep: int
    shift: int
    narrow: bool
    """Whether no product leaves 32 bits."""
    each: bool
    """Whether neurons differ: then each has a ``keep`` of its own, of 4096."""


@dataclass(frozen=True)
class Bank:
    """Sums that are shifted together, one per neuron."""

    bits: int
    exponent: int
    neurons: int

    @property
    def words(self) -> int:
        """Return the words of 32 bits that they take: one more where a row of weights may end within a word."""
        return self.neurons * self.bits // 32 + (self.bits == 16)


@dataclass(frozen=True, eq=False)
class Sums:
    """What arrives at a population: its connections, and the banks that they add to."""

    reads: tuple[Read, ...]
    banks: tuple[Bank, ...]
    held: bool
    """Whether they stay as long as the input does."""

    @property
    def words(self) -> int:
        """Return the words of all banks."""
        return sum(bank.words for bank in self.banks)


@dataclass(frozen=True, eq=False)
class Unit:
    """One population."""

    population: Population
    place: Place
    sums: Sums
    kernel: str
    """The loop that advances it: ``LEAN``, ``LANES`` or ``GENERAL``."""
    u_fade: Fade
    v_fade: Fade
    sinks: bool
    """Whether v may reach its lower end in the loop ``LEAN``."""

    @property
    def keeps_u(self) -> bool:
        """Return whether a neuron carries u to the next step."""
        return _keeps_u(self.population)

    @property
    def rests(self) -> bool:
        """Return whether its neurons count steps of rest."""
        return bool(self.population.properties["refractory"])


@dataclass(frozen=True, eq=False)
class FirmwarePlan:
    """The input and every population, in the program's order; ``order`` is that of a step."""

    program: Program
    order: tuple[int, ...]
    """Numbers of units."""
    input: Place
    units: tuple[Unit, ...]

    @property
    def scratch_words(self) -> int:
        """Return the words that sums take which need not outlast their population's turn."""
        return max((unit.sums.words for unit in self.units if not unit.sums.held), default=0)


@dataclass(frozen=True, eq=False)
class _Arriving:
    """A connection on its way to a bank."""

    connection: Connection
    rows: Rows
    bits: int
    exponent: int
    ends: Reach
    kernel: str


def firmware_plan(program: Program) -> FirmwarePlan:
    """Lay a Program out, or refuse what the runtime does not compute."""
    require_arithmetic(program.arithmetic, COMPUTED, "the firmware")
    names = [p.name for p in program.populations]
    channels, height, width = three(program.input.shape)
    entry = Place(
        channels=channels, height=height, width=width, span=channels, ring=_ring(program, INPUT), form="values"
    )
    units = tuple(_unit(program, p) for p in program.populations)
    order = tuple(names.index(p.name) for p in step_order(program.populations))
    return FirmwarePlan(program, order, entry, units)


def _ring(program: Program, source: str) -> int:
    """Return how many steps of messages a source keeps."""
    return 1 + max((c.lag for p in program.populations for c in p.inputs if c.source == source), default=0)


def _place(program: Program, population: Population) -> Place:
    channels, height, width = three(population.shape)
    form = "counts" if population.most_sent > 1 else "bits"
    return Place(
        channels=channels,
        height=height,
        width=width,
        span=channels + channels % 2,
        ring=_ring(program, population.name),
        form=form,
    )


def _unit(program: Program, p: Population) -> Unit:
    p.require_known(REGISTERS, PROPERTIES, "the firmware")
    place = _place(program, p)
    drafts = [_draft(program, p, place, c) for c in p.inputs]
    reads, banks, a = _banked(p, place, drafts)
    proven = states_of(p, largest(a))
    u_fade = _fade(DECAY_ONE - 1 - p.neurons["du"], U_STORED if proven.u is None else proven.u)
    v_fade = _fade(DECAY_ONE - p.neurons["dv"], V_MAX if proven.v is None else proven.v)
    held = bool(p.inputs) and all(c.source == INPUT and c.lag == 0 for c in p.inputs)
    kernel = _kernel(p, banks, proven, fades=(u_fade, v_fade))
    sums = Sums(reads, banks, held)
    low = kernel == "LEAN" and sinks(p, a[0])
    return Unit(population=p, place=place, sums=sums, kernel=kernel, u_fade=u_fade, v_fade=v_fade, sinks=low)


def _keeps_u(p: Population) -> bool:
    return bool((p.du != FORGETS).any())


def _fade(keep: Int, bound: int) -> Fade:
    """Take common powers of two out of keep / 4096, and say whether no product leaves 32 bits."""
    kept = int(keep.reshape(-1)[0])
    if (keep != kept).any():
        return Fade(0, 12, narrow=False, each=True)
    less, shift = kept, 12
    while shift and less % 2 == 0:
        less, shift = less >> 1, shift - 1
    if less * bound + (1 << shift) <= INT32:
        return Fade(less, shift, narrow=True, each=False)
    return Fade(kept, 12, narrow=False, each=False)


def _draft(program: Program, p: Population, place: Place, c: Connection) -> _Arriving:
    weight, exponent = without_factor(c)
    messages = messages_of(program, c.source)
    if float(np.abs(weight).sum()) * max(-messages[0], messages[1]) > INT64:
        raise UnsupportedError(f"population {p.name!r}: {TOO_WIDE}", NARROWER)
    ends = ends_of(weight, messages)
    rows = rows_of(c, weight, program.shape_of(c.source), p.shape, place.span)
    bits = field_bits(weight)
    kernel = _adding(c, bits, largest(ends), messages)
    return _Arriving(connection=c, rows=rows, bits=bits, exponent=exponent, ends=ends, kernel=kernel)


def _adding(c: Connection, bits: int, most: int, messages: tuple[int, int]) -> str:
    split = isinstance(c.wiring, Conv) and c.wiring.groups > 1 and c.wiring.weight.shape[0] // c.wiring.groups % 2
    if most > INT32:
        return "64"
    if most > INT16 or bits == 32 or split:  # two sums of one word would belong to different groups
        return "32"
    if bits != 8:
        return "LANES"
    return "BYTES" if messages in ((0, 1), (0, 0)) else "BYTES_GRADED"


WIDTH = {"64": 64, "32": 32, "LANES": 16, "BYTES": 16, "BYTES_GRADED": 16}
BIAS = {"BYTES": 128, "BYTES_GRADED": 128}
"""What a field holds beyond its weight: fields without a sign are added in fewer instructions."""

LIMIT = {16: INT16, 32: INT32, 64: INT64}


def _banked(p: Population, place: Place, drafts: list[_Arriving]) -> tuple[tuple[Read, ...], tuple[Bank, ...], Reach]:
    """Put connections of one exponent and one kind of sums into one bank, as long as their common sum fits it."""
    banks: list[Bank] = []
    ends: list[Reach] = []
    reads = []
    for d in drafts:
        bits = WIDTH[d.kernel]
        wide = _spread(d.ends, p)
        made = Bank(bits, d.exponent, place.neurons)
        fitting = [
            i
            for i, bank in enumerate(banks)
            if bank == made and d.exponent >= 0 and largest(_both(ends[i], wide)) <= LIMIT[bits]
        ]
        index = fitting[0] if fitting else len(banks)
        if fitting:
            ends[index] = _both(ends[index], wide)
        else:
            banks.append(made)
            ends.append(wide)
        words = packed(d.rows.weight, d.bits, BIAS.get(d.kernel, 0))
        reads.append(Read(connection=d.connection, rows=d.rows, words=words, bits=d.bits, kernel=d.kernel, bank=index))
    return tuple(reads), tuple(banks), _ends_of_a(p, banks, ends)


def _spread(ends: Reach, p: Population) -> Reach:
    """Return ends one per neuron in C order, whether they came one per channel or one per neuron."""
    repeat = p.size // len(ends[0])
    return np.repeat(ends[0], repeat), np.repeat(ends[1], repeat)


def _both(one: Reach, other: Reach) -> Reach:
    return one[0] + other[0], one[1] + other[1]


def _ends_of_a(p: Population, banks: list[Bank], ends: list[Reach]) -> Reach:
    total: Reach = (np.zeros(p.size, dtype=np.int64), np.zeros(p.size, dtype=np.int64))
    for bank, reach in zip(banks, ends, strict=True):
        if largest(reach) << max(bank.exponent, 0) > INT64 >> 3:
            raise UnsupportedError(f"population {p.name!r}: {TOO_WIDE}", NARROWER)
        total = _both(total, shifted(reach, bank.exponent))
    return total


def _kernel(p: Population, banks: tuple[Bank, ...], proven: States, *, fades: tuple[Fade, Fade]) -> str:
    """Return the loop that advances its neurons: the shorter ones leave out what is proven not to happen."""
    u_fade, v_fade = fades
    plain = p.properties["most"] == 1 and not p.properties["refractory"]
    narrow = all(bank.bits <= 32 for bank in banks)
    if not (plain and narrow) or proven.u is None or u_fade.each or v_fade.each:
        return "GENERAL"
    one = len(banks) == 1 and banks[0].bits == 16 and 0 <= banks[0].exponent <= LEAN_EXPONENT
    unclipped = p.reset == "zero" if p.fires else proven.v is not None  # who fires at the top end is reset anyway
    lean = one and unclipped and not _keeps_u(p) and v_fade.narrow
    return "LEAN" if lean else "LANES"
