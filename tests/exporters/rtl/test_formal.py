"""What simulation samples, proved for all inputs and for ever, by induction: arithmetic, sums, queues, barrier.

A proof by smtbmc has two halves: as many clocks from reset as the induction looks back, and the step. Proofs by yosys'
own SAT solver (`sat -tempinduct`) do both.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporters.rtl_export.simulate import CORE
from tests.exporters.rtl.bench import mutated_core, need
from tests.rows import listed

FORMAL = CORE.with_name("formal")
SUMS = "-set LANES 4 -set WB 8 -set MB 8 -set AB 62 -set ROWS 1000 -set WEIGHTS 4000"
NARROW = "-set LANES 4 -set WB 4 -set MB 7 -set AB 12 -set ROWS 2 -set WEIGHTS 2"


@dataclass(frozen=True)
class Proof:
    """A module, its parameters, the files it lies in, and how it is proved."""

    top: str
    files: tuple[str, ...]
    change: str = ""
    prepared: str = ""
    define: str = "SNN_PROVE"
    flags: tuple[tuple[str, ...], ...] = (("-t", "1"),)
    solver: str = "smt"
    steps: int = 3


INDUCTION = (("-t", "6"), ("-i", "-t", "4"))
ADDERS = ("snn_ram.v", "snn_single.v", "snn_accumulate.v")
PRODUCTS = "cutpoint t:$mul; delete c:*weights_ram*"
SEVERAL = "-set UP 4 -set DOWN 4 -set MOST 2 -set REFRACTORY 1"
UPDATE = "-set SA 2 -set PA 2 -set RA 2 -set YB 2 -set XB 2 -set CB 2"
FACTORS = r"cutpoint t:$mul c:*decay_* %i"
UPDATES = {
    "an update": f"-set LANES 2 -set AB 24 -set UB 24 -set UP 7 -set DOWN 7 {UPDATE}",
    "an update of several spikes and rest": f"-set LANES 1 -set AB 20 -set UB 32 {SEVERAL} {UPDATE}",
    "an update that forgets u": f"-set LANES 1 -set AB 24 -set UB 25 -set UP 0 -set DOWN 0 -set CURRENT 0 {UPDATE}",
}
PROOFS = {
    **{
        name: Proof("snn_update", ("snn_update.v", "snn_neuron.v"), change, FACTORS, solver="sat", steps=1)
        for name, change in UPDATES.items()
    },
    "the barrier": Proof(
        "snn_input",
        ("snn_ram.v", "snn_input.v"),
        "-set EB 2 -set DEPTH 6 -set SLOTS 3",
        # What the messages say decides nothing in the barrier: their memory is cut away.
        "delete m:messages.mem t:$memrd* t:$memwr* t:$mem*",
        flags=(("-t", "10"), ("-i", "-t", "3")),
    ),
    "a queue": Proof(
        "snn_queues",
        ("snn_ram.v", "snn_single.v", "snn_queues.v"),
        "-set EB 4 -set DEPTH 20 -set SOURCES 2 -set SLOTS 4",
        "delete c:*messages* c:*counts* %u",
        flags=INDUCTION,
    ),
    "the accumulator": Proof("snn_accumulate", ADDERS, SUMS, PRODUCTS, flags=INDUCTION),
    "the accumulator of a spike": Proof(
        "snn_accumulate", ADDERS, SUMS.replace("MB 8", "MB 2"), PRODUCTS, flags=INDUCTION
    ),
    "a product of a few bits": Proof("snn_accumulate", ADDERS, NARROW, define="SNN_PROVE_PRODUCT"),
    "the product of a spike": Proof(
        "snn_accumulate", ADDERS, NARROW.replace("MB 7", "MB 2"), define="SNN_PROVE_PRODUCT"
    ),
    **{
        f"{what}, u of {bits} bits": Proof(
            top, ("snn_neuron.v",), f"-set UB {bits}", solver="sat" if top == "decay_contract" else "smt"
        )
        for bits in (24, 25, 32)
        for what, top in (("decay", "decay_contract"), ("wrap, clip, compare", "neuron_contract"))
    },
}
MUTANTS = listed(Path(__file__).with_name("mutants.toml"), "proved")


def _prepared(proof, core):
    files = [*(str(core / file) for file in proof.files)]
    files += [str(FORMAL / "neuron_contract.v")] if "contract" in proof.top else []
    script = f"read_verilog -formal -DSNN_NO_IMAGES -D{proof.define} -I{FORMAL} {' '.join(files)}; "
    script += f"chparam {proof.change} {proof.top}; " if proof.change else ""
    script += f"prep -top {proof.top} -flatten; {proof.prepared}; memory_map; opt -full; async2sync; dffunmap; "
    return script if proof.solver == "smt" else script + "opt_clean; techmap; opt -full; "


def _prove(name, folder, core=CORE):
    for tool in ("yosys", "yosys-smtbmc", "z3"):
        need(tool)
    proof = PROOFS[name]
    script = _prepared(proof, core)
    if proof.solver != "smt":
        script += f"sat -tempinduct -seq 0 -maxsteps {proof.steps} -prove-asserts -set-assumes -verify"
        done = subprocess.run(["yosys", "-q", "-p", script], capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0 or "proof failed" in done.stdout + done.stderr or "proof did fail" in done.stderr
        return done.returncode == 0
    script += f"write_smt2 -wires {folder}/model.smt2"
    subprocess.run(["yosys", "-q", "-p", script], check=True, timeout=120, capture_output=True)
    said = []
    for flags in proof.flags:
        words = ["yosys-smtbmc", "-s", "z3", *flags, f"{folder}/model.smt2"]
        said.append(subprocess.run(words, capture_output=True, text=True, timeout=900).stdout)
    assert all("Status: " in text for text in said)
    return all("Status: PASSED" in text for text in said)


@pytest.mark.full
@pytest.mark.parametrize("proof", PROOFS)
def test_it_is_proved(proof, tmp_path):
    assert _prove(proof, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_planted_mistake_is_not_proved(mutant, tmp_path):
    proof, *change = MUTANTS[mutant]
    assert not _prove(proof, tmp_path, mutated_core(tmp_path, *change))


@pytest.mark.full
@pytest.mark.parametrize("update", UPDATES)
def test_what_is_proved_of_an_update_is_reached(update):
    """Every kind of neuron of `reached` comes out of the six stages, each spike beyond the first a clock later."""
    need("yosys")
    kinds, clocks = range(6), 6 + 2 * ("MOST 2" in UPDATES[update])
    script = _prepared(PROOFS[update], CORE)
    script += "; ".join(f"sat -seq {clocks} -set-assumes -set-at {clocks} reached[{kind}] 1" for kind in kinds)
    done = subprocess.run(["yosys", "-p", script], capture_output=True, text=True, timeout=900, check=True)
    assert done.stdout.count("SAT solving finished - model found") == len(kinds), done.stdout[-2000:]
