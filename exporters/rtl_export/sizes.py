"""How large a core must be: its parameters, as the Verilog names them in capitals."""

from dataclasses import asdict, dataclass, fields, replace

from sim.errors import UnsupportedError

__all__ = ["LANES", "Sizes", "holds", "parameters_vh"]

LANES = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Sizes:
    """Every parameter of ``snn_core``: widths in bits, depths in words.

    ``wb`` a weight, ``mb`` the value of a message, ``ab`` a sum, ``ub`` the register u, ``yb xb cb`` a coordinate,
    ``icb`` the input's c, ``qb`` an output position. ``left`` shifts a product, ``up`` and ``down`` a whole sum, as far
    as they go. ``current`` is 0 where every neuron forgets its u, which then needs no memory.
    """

    lanes: int = 1
    wb: int = 2
    mb: int = 2
    ab: int = 22
    ub: int = 24
    yb: int = 1
    xb: int = 1
    cb: int = 1
    icb: int = 1
    qb: int = 2
    weights: int = 1
    rows: int = 1
    neurons: int = 1
    registers: int = 1
    initial: int = 0
    table: int = 1
    program: int = 1
    sources: int = 1
    messages: int = 1
    slots: int = 1
    inputs: int = 1
    input_slots: int = 2
    left: int = 0
    fold: int = 0
    up: int = 0
    down: int = 0
    current: int = 0
    most: int = 0
    refractory: int = 0

    def largest(self, other: "Sizes") -> "Sizes":
        """Return the sizes that hold both."""
        mine, theirs = asdict(self), asdict(other)
        return replace(self, **{name: max(mine[name], theirs[name]) for name in mine})

    def memory_shapes(self) -> dict[str, tuple[int, int]]:
        """Return the words of every memory of the core, and the bits of one."""
        address = self.yb + self.xb + self.cb
        row = max(1, (self.rows - 1).bit_length())
        shapes = {
            "weights": (self.weights, self.lanes * self.wb),
            "sums": (self.rows * (1 + self.fold), self.lanes * self.ab),
            "states": (self.neurons, self.ub * self.current + 24 + 6 * self.refractory),
            "registers": (self.registers, 62),
            "initial": (self.registers * self.initial, self.ub + 24),
            "messages": (self.messages, address + max(self.most, 1)),
            "inputs": (self.inputs, self.yb + self.xb + self.icb + self.mb),
            "table": (self.table, row + self.qb + 8),
            "program": (self.program, 32),
        }
        return {name: shape for name, shape in shapes.items() if shape[0]}

    def memory_bits(self) -> dict[str, int]:
        """Return the bits of every memory of the core."""
        return {name: words * bits for name, (words, bits) in self.memory_shapes().items()}


LIMITS = {"wb": 32, "mb": 25, "ab": 62, "yb": 15, "xb": 15, "cb": 15, "qb": 15, "rows": 1 << 15, "sources": 256}
CURES = {
    "wb": "quantise the weights",
    "mb": "lower the range of the input's messages",
    "ab": "lower the weights, the fan-in or the weight exponent",
    "sources": "merge populations",
}
MOST_BITS = 1 << 30


def check_sizes(sizes: Sizes) -> None:
    """Refuse what the instruction words, or any memory of an FPGA, cannot hold."""
    for field in fields(sizes):
        limit, found = LIMITS.get(field.name), getattr(sizes, field.name)
        if limit is not None and found > limit:
            what = f"the core would need {field.name.upper()} = {found}, it goes up to {limit}"
            raise UnsupportedError(what, CURES.get(field.name, "split the population"))
    total = sum(sizes.memory_bits().values())
    if total > MOST_BITS:
        what = f"the core would need {total / 2**20:.0f} Mbit of memory, no FPGA has more than {MOST_BITS >> 20}"
        raise UnsupportedError(what, "shrink the network, or its greatest lag")


def holds(sizes: Sizes, needed: Sizes) -> bool:
    """Return whether a core of these sizes runs what needs those: a wider memory or register changes no value."""
    return sizes.lanes == needed.lanes and sizes.largest(needed) == sizes


def parameters_vh(sizes: Sizes) -> str:
    """Return the parameters as Verilog's localparams."""
    return "".join(f"localparam {name.upper()} = {value};\n" for name, value in asdict(sizes).items())
