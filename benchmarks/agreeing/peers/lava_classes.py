"""lava-nc's own fixed-point classes, stepped one by one, with nothing of this project between a weight and them.

The first word says how synapses are made: ``dense`` and ``sparse`` (convolutions as matrices) or ``conv`` (matrices as
convolutions of one pixel).
"""

import sys
from collections.abc import Callable
from typing import Any

import lava_shim  # noqa: F401  (before anything of lava's)
import numpy as np
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.dense.models import PyDenseModelBitAcc
from lava.proc.lif.models import PyLifModelBitAcc
from lava.proc.sparse.models import PySparseModelBitAcc
from scipy.sparse import csr_matrix
from served import Link, Neurons, Step, serve_steps

MESSAGE_BITS = 24
NEVER = 131072


class Port:
    """Stands in for both ends of a channel."""

    data: Any = None

    def recv(self) -> Any:
        """Return what was put here."""
        return self.data

    def send(self, data: Any) -> None:
        """Put data here."""
        self.data = data


def neurons(p: Neurons) -> Step:
    model = PyLifModelBitAcc({})
    r = {name: values.astype(np.int32) for name, values in p.registers.items()}
    model.du, model.dv, model.u, model.v = r["du"], r["dv"], r["u0"].copy(), r["v0"].copy()
    model.bias_mant = p.registers["bias"].astype(np.int32)  # a bias with its exponent: Lava widens it before it shifts
    model.bias_exp = np.zeros(p.size, np.int32)
    model.vth = r["vth"] if p.facts["fires"] else np.full(p.size, NEVER, np.int32)
    model.a_in, model.s_out = Port(), Port()

    def step(arriving: Any) -> Any:
        model.a_in.data = arriving.astype(np.int32)
        model.run_spk()
        return model.s_out.data, model.u.copy(), model.v.copy()

    return step


def matrix(link: Link, kind: str) -> Callable[[Any], Any]:
    model = (PyDenseModelBitAcc if kind == "dense" else PySparseModelBitAcc)({"weight_exp": link.exponent})
    weights = link.matrix.astype(np.int32)
    model.weights = weights.copy() if kind == "dense" else csr_matrix(weights)
    model.num_message_bits = np.array([MESSAGE_BITS])
    model.a_buff = np.zeros(len(weights), np.int32)
    model.s_in, model.a_out = Port(), Port()

    def bring(messages: Any) -> Any:
        model.s_in.data = np.asarray(messages, dtype=np.int32)
        model.run_spk()
        return np.asarray(model.a_buff).ravel()

    return bring


def convolution(link: Link) -> Callable[[Any], Any]:
    geometry = link.geometry or {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    kernel = link.matrix[:, :, None, None] if link.kernel is None else link.kernel
    source = (link.matrix.shape[1], 1, 1) if link.kernel is None else link.shapes[0]
    model = PyConvModelFixed({})
    model.weight = np.ascontiguousarray(np.asarray(kernel).astype(np.int32)[:, :, ::-1, ::-1].transpose(0, 3, 2, 1))
    model.kernel_size = np.array(model.weight.shape[1:3])
    for name in ("stride", "padding", "dilation"):
        setattr(model, name, np.array(geometry[name][::-1]))
    model.groups, model.num_message_bits = np.array([geometry["groups"]]), np.array([MESSAGE_BITS])
    model.weight_exp = np.array([link.exponent])
    model.s_in, model.a_out, model.a_buf = Port(), Port(), 0

    def bring(messages: Any) -> Any:
        image = np.asarray(messages, dtype=np.int32).reshape(source)
        model.s_in.data = np.ascontiguousarray(image.transpose(2, 1, 0))  # w h c
        model.run_spk()
        return np.asarray(model.a_buf).transpose(2, 1, 0).ravel()

    return bring


def main() -> None:
    kind = sys.argv[1]
    serve_steps(neurons, convolution if kind == "conv" else lambda link: matrix(link, kind))


if __name__ == "__main__":
    main()
