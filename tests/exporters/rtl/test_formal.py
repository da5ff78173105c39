"""What simulation samples, proved for all inputs by yosys-smtbmc and z3: neuron, accumulator, barrier."""

import subprocess

import pytest

from exporters.rtl_export.simulate import CORE
from tests.exporters.rtl.bench import mutated_core, need

FORMAL = CORE.with_name("formal")
SMALL_INPUT = ("snn_input", "chparam -set EB 2 -set DEPTH 6 -set SLOTS 3 snn_input", ("snn_ram.v", "snn_input.v"))
SMALL_SUMS = (
    "snn_accumulate",
    "chparam -set LANES 1 -set WB 3 -set AB 6 -set ROWS 2 -set WEIGHTS 2 snn_accumulate",
    ("snn_ram.v", "snn_accumulate.v"),
)
PROOFS = {
    "the barrier, by induction": (*SMALL_INPUT, ("-i", "-t", "3")),
    "the barrier, from reset": (*SMALL_INPUT, ("-t", "10")),
    "the accumulator, twelve clocks from reset": (*SMALL_SUMS, ("-t", "12")),
    "decay": ("decay_contract", "", ("snn_neuron.v",), ("-t", "1")),
    "wrap, clip, compare": ("neuron_contract", "", ("snn_neuron.v",), ("-t", "1")),
}
MUTANTS = {
    "a row that was just written is read stale": (
        "the accumulator, twelve clocks from reset",
        ("snn_accumulate.v", "(valid_c && row_c == row_b) ? total_c : ", ""),
    ),
    "a row written before is read stale": (
        "the accumulator, twelve clocks from reset",
        ("snn_accumulate.v", "(valid_d && row_d == row_b) ? sum_d : ", ""),
    ),
    "the barrier lets a third step in": ("the barrier, from reset", ("snn_input.v", "filled < 2", "filled < 3")),
    "wrap maps 2^23": ("wrap, clip, compare", ("snn_neuron.v", "sum > HALF", "sum >= HALF")),
    "threshold reached fires": ("wrap, clip, compare", ("snn_neuron.v", ": v > theta", ": v >= theta")),
}


def _prove(proof, folder, core=CORE):
    for tool in ("yosys", "yosys-smtbmc", "z3"):
        need(tool)
    top, change, files, flags = PROOFS[proof]
    sources = " ".join(
        [*(str(core / name) for name in files), *([str(FORMAL / "neuron_contract.v")] if "contract" in top else [])]
    )
    # What the messages say decides nothing in the barrier: their memory is cut away.
    forget = "delete m:messages.mem t:$memrd* t:$memwr* t:$mem*" if top == "snn_input" else ""
    script = f"read_verilog -formal -DSNN_PROVE -I{FORMAL} {sources}; {change}; prep -top {top} -flatten; "
    script += f"{forget}; memory_map; opt; async2sync; dffunmap; write_smt2 -wires {folder}/model.smt2"
    subprocess.run(["yosys", "-q", "-p", script], check=True, timeout=120, capture_output=True)
    words = ["yosys-smtbmc", "-s", "z3", *flags, f"{folder}/model.smt2"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900)
    return "Status: PASSED" in done.stdout


@pytest.mark.full
@pytest.mark.parametrize("proof", PROOFS)
def test_it_is_proved(proof, tmp_path):
    assert _prove(proof, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_planted_mistake_is_not_proved(mutant, tmp_path):
    proof, change = MUTANTS[mutant]
    assert not _prove(proof, tmp_path, mutated_core(tmp_path, *change))
