"""snnTorch's Synaptic in float32, its parameters those of the program: reset in the step of the spike, as it offers."""

from typing import Any

import numpy as np
import snntorch
import torch
from norse_cell import NEVER, serve_cells
from served import Neurons, Step

RESETS = {"zero": "zero", "subtract": "subtract", "none": "none"}


def neurons(p: Neurons) -> Step:
    r = {name: torch.as_tensor(values.astype(np.float32)) for name, values in p.registers.items()}
    cell = snntorch.Synaptic(
        alpha=1 - (r["du"] + 1) / 4096,
        beta=1 - r["dv"] / 4096,
        threshold=r["vth"] * 64 if p.facts["fires"] else torch.full((p.size,), NEVER),
        reset_mechanism=RESETS[p.facts["reset"]],
        reset_delay=False,
    )
    syn, mem = r["u0"].clone(), r["v0"].clone()

    def step(arriving: Any) -> Any:
        nonlocal syn, mem
        x = torch.as_tensor(np.asarray(arriving, dtype=np.float32)) * 64
        z, syn, mem = cell(x + r["bias"], syn, mem)
        return z.numpy(), (syn - r["bias"]).numpy(), mem.numpy()

    return step


if __name__ == "__main__":
    serve_cells(neurons)
