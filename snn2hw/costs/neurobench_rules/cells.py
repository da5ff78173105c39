"""Operations of one call of a recurrent cell by NeuroBench's rule, gate products included.

The arithmetic follows the published counter, oddities included: a count that differs from the benchmark's is of no use
beside it. Every array is (features, batch) of float64 holding integers: exact.
"""

from typing import TYPE_CHECKING

from sim.errors import UnsupportedError

if TYPE_CHECKING:
    import torch

__all__ = ["cell_operations"]


def cell_operations(
    cell: "torch.nn.RNNCellBase", inputs: tuple["torch.Tensor | tuple[torch.Tensor, ...]", ...], *, dense: bool
) -> int:
    """Return the operations of one call of an RNNCell, GRUCell or LSTMCell with the inputs (x,), (x, h) or (x, (h, c)).

    A state that is not given is zero, as in torch; NeuroBench itself reads only the first sample of such a call.
    """
    import torch
    from torch import nn

    def ones(values: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(values, dtype=torch.float64) if dense else (values != 0).double()

    def state_ones(values: torch.Tensor) -> torch.Tensor:
        # the benchmark's dense count leaves the pair (h, c) of an LSTM as it is, but fills a single h
        return (values != 0).double() if isinstance(state, tuple) else ones(values)

    x = _batch(inputs[0])
    state = inputs[1] if len(inputs) > 1 and inputs[1] is not None else None
    hidden, memory = _states(cell, state, x)
    matrices = ones(cell.weight_ih) @ ones(x).T, ones(cell.weight_hh) @ state_ones(hidden).T  # gates*h b
    column = torch.zeros(matrices[0].shape[0], 1, dtype=torch.float64)
    biases = (ones(cell.bias_ih)[:, None], ones(cell.bias_hh)[:, None]) if cell.bias else (column, column)
    match cell:
        case nn.LSTMCell():
            return _lstm(matrices[0] + matrices[1], biases[0] + biases[1], state_ones(memory).T)
        case nn.GRUCell():
            return _gru(matrices, biases, state_ones(hidden).T)
        case nn.RNNCell():
            return int((matrices[0] + matrices[1]).sum())
        case _:
            raise UnsupportedError(f"{type(cell).__name__} has no NeuroBench rule", "use RNNCell, GRUCell or LSTMCell")


def _batch(values: "torch.Tensor | tuple[torch.Tensor, ...]") -> "torch.Tensor":
    import torch

    assert isinstance(values, torch.Tensor)
    return values if values.ndim == 2 else values[None]


def _states(
    cell: "torch.nn.RNNCellBase", state: "torch.Tensor | tuple[torch.Tensor, ...] | None", x: "torch.Tensor"
) -> tuple["torch.Tensor", "torch.Tensor"]:
    import torch

    if state is None:
        zero = torch.zeros(len(x), int(cell.hidden_size))
        return zero, zero
    if isinstance(state, tuple):
        return _batch(state[0]), _batch(state[1])
    return _batch(state), _batch(state)


def _real(values: "torch.Tensor") -> "torch.Tensor":
    return (values != 0).double()


def _lstm(gates: "torch.Tensor", biases: "torch.Tensor", memory: "torch.Tensor") -> int:
    """Count i, f, g, o, then c = f * c + i * g, then h = o * tanh(c)."""
    total = gates.sum()
    i, f, g, o = _real(gates + biases).chunk(4)
    c = f * memory + i * g
    total = total + c.sum()
    return int(total + (o * _real(c)).sum())


def _gru(
    matrices: tuple["torch.Tensor", "torch.Tensor"],
    biases: tuple["torch.Tensor", "torch.Tensor"],
    hidden: "torch.Tensor",
) -> int:
    """Count r, z, n, then r * (W_hn h), then h' = (1 - z) * n + z * h."""
    from_x, from_h = matrices
    total = (from_x + from_h).sum()
    r, z, _ = (from_x + from_h + biases[0] + biases[1]).chunk(3)
    n_from_h = from_h.chunk(3)[2]
    gated = _real(r) * _real(n_from_h + biases[1].chunk(3)[2])
    total = total + gated.sum()
    # The benchmark reads one element of the bias here, and takes 1 - z of the count z, not of the gate's value.
    n = _real(n_from_h + biases[0][2] + gated)
    return int(total + (_real(1 - z) * n + _real(z) * hidden).sum())
