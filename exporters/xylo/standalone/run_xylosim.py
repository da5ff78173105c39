"""Run Xylo specifications in xylosim: ``python run_xylosim.py [FOLDER ...]``, this folder unless another is named.

A folder holds ``specification.npz``, the arguments of Rockpool's ``config_from_specification``, and ``input.npy``,
(samples, steps, channels) counts of events. Everything that the simulator records goes to ``recorded.npz``, (samples,
steps, neurons). It needs numpy and xylosim alone.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from xylosim.v2 import XyloLayer, XyloSynapse

RECORDED = {
    "spikes": "rec_recurrent_spikes",
    "i": "rec_i_syn",
    "i2": "rec_i_syn2",
    "v": "rec_v_mem",
    "spikes_out": "rec_out_spikes",
    "i_out": "rec_i_syn_out",
    "v_out": "rec_v_mem_out",
}


def synapses(weights: Any, held: list[Any]) -> list[list[Any]]:
    """Return the synapses of every source; ``held`` keeps them alive, as the simulator only points to them."""
    rows = []
    for targets in weights:
        places = np.argwhere(targets)
        rows.append([XyloSynapse(int(n), int(k), int(targets[n, k])) for n, k in places])
    held.append(rows)
    return rows


def layer_of(facts: dict[str, Any], held: list[Any]) -> Any:
    """Return the simulator of one specification."""
    lists = {name: facts[name].tolist() for name in facts}
    dash_syns = [list(pair) for pair in zip(lists["dash_syn"], lists["dash_syn_2"], strict=True)]
    return XyloLayer(
        synapses_in=synapses(facts["weights_in"], held),
        synapses_rec=synapses(facts["weights_rec"], held),
        synapses_out=synapses(facts["weights_out"][:, :, None], held),
        aliases=[[] for _ in lists["threshold"]],
        threshold=lists["threshold"],
        threshold_out=lists["threshold_out"],
        has_bias=True,
        bias=lists["bias_hidden"],
        bias_out=lists["bias_out"],
        weight_shift_inp=lists["weight_shift_in"],
        weight_shift_rec=lists["weight_shift_rec"],
        weight_shift_out=lists["weight_shift_out"],
        dash_mem=lists["dash_mem"],
        dash_mem_out=lists["dash_mem_out"],
        dash_syns=dash_syns,
        dash_syns_out=[[dash] for dash in lists["dash_syn_out"]],
        name="program",
    )


def main() -> None:
    """Run the folders named, or the one that this file lies in."""
    for folder in [Path(name) for name in sys.argv[1:] or [str(Path(__file__).parent)]]:
        with np.load(folder / "specification.npz", allow_pickle=False) as stored:
            facts = {name: stored[name] for name in stored.files}
        raster = np.load(folder / "input.npy", allow_pickle=False)
        recorded: dict[str, list[Any]] = {name: [] for name in RECORDED}
        for sample in raster:
            held: list[Any] = []
            layer = layer_of(facts, held)  # made anew: nothing is left of the sample before
            layer.evolve(sample.tolist())
            for name, attribute in RECORDED.items():
                values = np.asarray(getattr(layer, attribute), dtype=np.int32)
                recorded[name].append(values if name.startswith("spikes") else values.T)  # states lie neuron by neuron
            del layer
        arrays: dict[str, Any] = {name: np.stack(parts) for name, parts in recorded.items()}
        np.savez_compressed(folder / "recorded.npz", **arrays)


if __name__ == "__main__":
    main()
