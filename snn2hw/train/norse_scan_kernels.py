"""The scan's arithmetic for the CPU: one pass over memory for all steps, a block of neurons at a time.

Floats are float32 throughout and nothing is contracted or reordered: the spikes are those of the torch operations.
Arrays are (T, n), in the tensors' own memory order; a drive of one row stays the same at every step.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.vector.jit import inline, kernel

__all__ = ["backward", "backward_to_constants", "forward"]

Floats = NDArray[np.float32]
BLOCK = 2048
"""Neurons worked on at once: their state stays in the first-level cache."""


@inline
def _step(x: Floats, v: Floats, before: Floats, spikes: Floats, rates: Any, levels: Any) -> None:
    leak, threshold, reset = levels
    for k in range(len(x)):
        after = v[k] + rates[0] * ((x[k] + leak) - v[k])
        fired = after - threshold > np.float32(0)
        before[k] = after
        spikes[k] = np.float32(1) if fired else np.float32(0)
        v[k] = reset if fired else after


@inline
def _step_with_current(
    x: Floats, v: Floats, current: Floats, before: Floats, spikes: Floats, rates: Any, levels: Any
) -> None:
    leak, threshold, reset = levels
    for k in range(len(x)):
        jump = current[k] + x[k]
        after = v[k] + rates[0] * ((leak - v[k]) + jump)
        current[k] = jump + rates[1] * jump
        fired = after - threshold > np.float32(0)
        before[k] = after
        spikes[k] = np.float32(1) if fired else np.float32(0)
        v[k] = reset if fired else after


@kernel
def forward(drive: Floats, before: Floats, spikes: Floats, rates: Any, levels: Any, currents: bool) -> None:
    """Fill ``before`` (v before the reset) and ``spikes`` from ``drive``."""
    steps, count = before.shape
    v, current = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        v[:] = levels[0]
        current[:] = np.float32(0)
        for t in range(steps):
            x = drive[t if len(drive) > 1 else 0, start:end]
            if currents:
                _step_with_current(x, v, current, before[t, start:end], spikes[t, start:end], rates, levels)
            else:
                _step(x, v, before[t, start:end], spikes[t, start:end], rates, levels)


@inline
def _step_back(
    grads: Floats, before: Floats, grad_v: Floats, grad_i: Floats, total: Floats, rates: Any, threshold: Any, sharp: Any
) -> None:
    membrane, stay_v, stay_i = rates
    for k in range(len(grads)):
        above = before[k] - threshold
        slope = np.float32(1) + sharp * abs(above)
        past = grad_v[k] if above <= np.float32(0) else np.float32(0)
        grad = grads[k] / (slope * slope) + past
        grad_i[k] = membrane * grad + stay_i * grad_i[k]
        total[k] += grad_i[k]
        grad_v[k] = stay_v * grad


@kernel
def backward(grads: Floats, before: Floats, total: Floats, rates: Any, threshold: Any, sharpness: Any) -> None:
    """Fill ``total`` with the gradient of the drive; into one row, if it has only one, summed over time."""
    steps, count = before.shape
    grad_v, grad_i = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        grad_v[:] = np.float32(0)
        grad_i[:] = np.float32(0)
        for t in range(steps - 1, -1, -1):
            row = total[t if len(total) > 1 else 0, start:end]
            _step_back(grads[t, start:end], before[t, start:end], grad_v, grad_i, row, rates, threshold, sharpness)


@inline
def _held(before: Floats, held: Floats, threshold: Any, reset: Any) -> None:
    for k in range(len(before)):
        held[k] = reset if before[k] - threshold > np.float32(0) else before[k]


@inline
def _step_to_constants(
    grads: Floats, before: Floats, held: Floats, grad_v: Floats, grad_i: Floats, sums: Floats, scales: Any, sharp: Any
) -> None:
    """Add to ``sums`` what one step gives to the gradients of the constants, from the state that the next one left."""
    membrane, leak, threshold = scales
    for k in range(len(grads)):
        above = before[k] - threshold
        slope = np.float32(1) + sharp * abs(above)
        past = grad_v[k] if above <= np.float32(0) else np.float32(0)
        fired = grads[k] / (slope * slope)
        moved = (before[k] - held[k]) / membrane
        sums[0, k] += (fired + past) * moved
        sums[1, k] -= (moved - (leak - held[k])) * grad_i[k]
        sums[2, k] -= fired


@kernel
def backward_to_constants(
    grads: Floats,
    before: Floats,
    total: Floats,
    constants: NDArray[np.float64],
    rates: Any,
    levels: Any,
    sharpness: Any,
) -> None:
    """Do what ``backward`` does, and fill ``constants`` with the gradient of a_v, a_u and the threshold."""
    steps, count = before.shape
    leak, threshold, reset = levels
    grad_v, grad_i, held = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    sums = np.empty((3, BLOCK), np.float32)
    scales = (rates[0], leak, threshold)
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        grad_v[:] = np.float32(0)
        grad_i[:] = np.float32(0)
        sums[:] = np.float32(0)
        for t in range(steps - 1, -1, -1):
            held[:] = leak
            if t > 0:
                _held(before[t - 1, start:end], held, threshold, reset)
            given, now = grads[t, start:end], before[t, start:end]
            _step_to_constants(given, now, held, grad_v, grad_i, sums, scales, sharpness)
            row = total[t if len(total) > 1 else 0, start:end]
            _step_back(given, now, grad_v, grad_i, row, rates, threshold, sharpness)
        for one in range(3):
            for k in range(end - start):
                constants[one] += sums[one, k]
