"""Norse's LIFCell in float32, its parameters those of the program: decays by the step, v in the program's own units.

v' = v + dt / tau_mem (v_leak - v + i),   so inputs are multiplied by tau_mem / dt, and a bias is a v_leak of that
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from norse.torch import LIFCell, LIFParameters
from norse.torch.functional.lif import LIFFeedForwardState
from served import Link, Neurons, Step, serve_steps

DT = 1.0
NEVER = 1e30


def neurons(p: Neurons) -> Step:
    r = {name: torch.as_tensor(values.astype(np.float32)) for name, values in p.registers.items()}
    share_u, share_v = (r["du"] + 1) / 4096, r["dv"] / 4096
    threshold = r["vth"] * 64 if p.facts["fires"] else torch.full((p.size,), NEVER)
    cell = LIFCell(
        p=LIFParameters(tau_syn_inv=share_u, tau_mem_inv=share_v, v_leak=r["bias"] / share_v, v_th=threshold), dt=DT
    )
    state = LIFFeedForwardState(v=r["v0"].clone(), i=(1 - share_u) * r["u0"] / share_v)

    def step(arriving: Any) -> Any:
        nonlocal state
        x = torch.as_tensor(np.asarray(arriving, dtype=np.float32)) * 64 / share_v
        current = (state.i + x) * share_v  # what moves v in this step
        z, state = cell(x, state)
        return z.numpy(), current.numpy(), state.v.numpy()

    return step


def deliver(link: Link) -> Any:
    weight = torch.as_tensor((link.matrix * 2.0**link.exponent).astype(np.float32))
    return lambda messages: (weight @ torch.as_tensor(np.asarray(messages, dtype=np.float32))).numpy()


def serve_cells(neurons: Callable[[Neurons], Step]) -> None:
    """Answer on one thread, without gradients."""
    torch.set_num_threads(1)
    with torch.inference_mode():
        serve_steps(neurons, deliver)


if __name__ == "__main__":
    serve_cells(neurons)
