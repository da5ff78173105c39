"""NeuroBench's counts of a torch network (or an snnTorch one) over batches of data."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, UnsupportedError
from snn2hw.costs.neurobench_rules.cells import cell_operations

if TYPE_CHECKING:
    import torch

__all__ = ["NeurobenchCounts", "count_model", "layer_operations"]


@dataclass(frozen=True, kw_only=True)
class NeurobenchCounts:
    """The metrics under NeuroBench's names, per sample."""

    effective_macs: float
    effective_acs: float
    dense: float
    activation_sparsity: float
    connection_sparsity: float | None
    """None where the network has no weights in the layers that are counted."""
    footprint: int


def count_model(
    model: "torch.nn.Module",
    batches: Iterable["torch.Tensor"],
    *,
    forward: Callable[["torch.Tensor"], object] | None = None,
    neurons: tuple[type["torch.nn.Module"], ...] = (),
) -> NeurobenchCounts:
    """Run ``model`` (or ``forward``, which runs it over time) on every batch and count.

    ``neurons`` are module types whose outputs count as activations beside ReLU and Sigmoid: snnTorch's SpikingNeuron,
    Norse's LIFCell. Of a tuple the first element is the spikes.
    """
    import torch

    layers = list(_layers(model))
    if not layers:
        fix = "wrap it in torch.nn.Sequential: only children of the network are counted"
        raise InputError(f"{type(model).__name__}: no layer that NeuroBench counts", fix)
    footprint = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))
    tally = _Tally()
    samples = 0
    sparsity: list[tuple[float, int]] = []
    model.eval()
    with torch.no_grad(), _hooked(model, layers, neurons, tally):
        for batch in batches:
            tally.values = tally.nonzero = 0
            (forward or model)(batch)
            samples += len(batch)
            sparsity.append(((tally.values - tally.nonzero) / tally.values if tally.values else 0.0, len(batch)))
    if not samples:
        raise InputError("no samples to count over", "give at least one batch")
    return NeurobenchCounts(
        effective_macs=tally.macs / samples,
        effective_acs=tally.acs / samples,
        dense=tally.dense / samples,
        activation_sparsity=sum(value * size / samples for value, size in sparsity),
        connection_sparsity=_connection_sparsity(model),
        footprint=footprint,
    )


def layer_operations(layer: "torch.nn.Module", inputs: tuple[Any, ...], *, dense: bool) -> int:
    """Return the operations of one call: pairs of a non-zero input and a non-zero weight, or all pairs."""
    import torch
    from torch import nn

    if isinstance(layer, nn.RNNCellBase):
        return cell_operations(layer, inputs, dense=dense)

    def ones(values: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(values, dtype=torch.float64) if dense else (values != 0).double()

    match layer:
        case nn.Linear():
            x = inputs[0].reshape(-1, layer.in_features)
            if dense:
                return len(x) * layer.weight.numel()
            return int(((x != 0).sum(dim=0) * (layer.weight != 0).sum(dim=0)).sum())
        case nn.Conv1d() | nn.Conv2d() | nn.Conv3d():
            return int(layer._conv_forward(ones(inputs[0]), ones(layer.weight), None).sum())
        case _:
            what = f"{type(layer).__name__}: NeuroBench has no rule for it"
            raise UnsupportedError(what, "unroll it into the cell of the same name")


class _Tally:
    """What the hooks add to while the network runs."""

    def __init__(self) -> None:
        self.macs = self.acs = self.dense = self.values = self.nonzero = 0

    def connection(self, layer: "torch.nn.Module", inputs: tuple[Any, ...]) -> None:
        first = inputs[0].detach()
        operations = layer_operations(layer, inputs, dense=False)
        if bool(((first == 0) | (first == 1) | (first == -1)).all()):
            self.acs += operations
        else:
            self.macs += operations
        self.dense += layer_operations(layer, inputs, dense=True)

    def activation(self, layer: "torch.nn.Module", inputs: object, output: Any) -> None:
        spikes: torch.Tensor = output[0] if isinstance(output, tuple) else output
        self.values += spikes.numel()
        self.nonzero += int((spikes != 0).sum())


@contextmanager
def _hooked(
    model: "torch.nn.Module",
    layers: list["torch.nn.Module"],
    neurons: tuple[type["torch.nn.Module"], ...],
    tally: _Tally,
) -> Iterator[None]:
    handles = [layer.register_forward_pre_hook(tally.connection) for layer in layers]
    handles += [layer.register_forward_hook(tally.activation) for layer in _activations(model, neurons)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _layers(module: "torch.nn.Module") -> Iterator["torch.nn.Module"]:
    """Yield the counted layers in NeuroBench's order: children first come first, nothing inside a counted layer."""
    from torch import nn

    for child in module.children():
        if isinstance(child, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.RNNBase | nn.RNNCellBase):
            yield child
        else:
            yield from _layers(child)


def _activations(
    module: "torch.nn.Module", neurons: tuple[type["torch.nn.Module"], ...]
) -> Iterator["torch.nn.Module"]:
    from torch import nn

    for child in module.children():
        if isinstance(child, (nn.ReLU, nn.Sigmoid, *neurons)):
            yield child
        else:
            yield from _activations(child, neurons)


def _connection_sparsity(model: "torch.nn.Module") -> float | None:
    """Return zeros / weights, rounded as NeuroBench does: in float32, to 4 decimals."""
    import torch

    arrays = [a for layer in _layers(model) for a in _weights(layer)]
    zeros = sum(int((a == 0).sum()) for a in arrays)
    total = sum(a.numel() for a in arrays)
    return round(float((torch.tensor(zeros) / total).item()), 4) if total else None


def _weights(layer: "torch.nn.Module") -> list["torch.Tensor"]:
    """Return what counts as connections of a layer: for recurrent layers the biases too."""
    from torch import nn

    if isinstance(layer, nn.RNNBase | nn.RNNCellBase):
        return list(layer.parameters())
    return [p for name, p in layer.named_parameters() if name == "weight"]
