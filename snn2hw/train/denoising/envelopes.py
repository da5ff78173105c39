"""How alike two sounds are to the ear that understands: what STOI measures, to be learnt from.

    E[b, t] = sqrt( sum_f in band b |X[t, f]|^2 )            15 bands of a third of an octave from 150 Hz, frames of hop
    stretches of 384 ms; the estimate's is brought to the clean one's energy and cut 15 dB above it
    c       = mean over bands and stretches of the correlation of both
    loss    = 10 log10( 1 - c + floor )                      decibels, so that what little is left counts as well

Frames 40 dB below the loudest of the clean sound are left out, and a stretch that has too few others. STOI itself
resamples to 10 kHz, cuts those frames out of the sound, and moves on by one frame: it says what a sound is worth, this
where to go.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

__all__ = ["likeness", "unlike_decibels"]

BANDS, LOWEST_HZ = 15, 150.0
STRETCH_S = 0.384
STRIDE = 4
"""Frames from stretch to stretch."""
LOUD = 1e-4
"""Of the power of the loudest frame: what counts."""
HEARD = 0.6
"""Share of a stretch's frames that must count."""
CUT = 1.0 + 10.0 ** (15.0 / 20.0)
FLOOR = 1e-4
"""Of the loss: a likeness of 0.9999 is enough. Speech, and noise 40 dB below it: 0.9997."""
TINY = 1e-12


def unlike_decibels(estimate: Tensor, clean: Tensor, rate_hz: int, window: int) -> Tensor:
    """Return how unlike two sounds are, in decibels, each of (n, samples)."""
    unlike: Tensor = 10.0 * torch.log10((1.0 - likeness(estimate, clean, rate_hz, window)).clamp(min=0.0) + FLOOR)
    return unlike


def likeness(estimate: Tensor, clean: Tensor, rate_hz: int, window: int) -> Tensor:
    """Return the mean correlation of envelopes of each sound of (n, samples): 1 of a sound with itself."""
    mine, wanted = (_envelopes(sound, rate_hz, window) for sound in (estimate, clean))
    frames = min(round(STRETCH_S * rate_hz / (window // 2)), wanted.shape[2])
    power = wanted.square().sum(1)
    loud = (power > LOUD * power.amax(1, keepdim=True)).to(wanted.dtype)
    heard = loud.unfold(1, frames, STRIDE)[:, None]  # n 1 stretches frames
    mine, wanted = (x.unfold(2, frames, STRIDE) for x in (mine, wanted))
    energies = [(x.square() * heard).sum(-1, keepdim=True) + TINY for x in (wanted, mine)]
    mine = torch.minimum(mine * torch.sqrt(energies[0] / energies[1]), CUT * wanted)
    mine, wanted = (_less_mean(x, heard) for x in (mine, wanted))
    lengths = mine.square().sum(-1) * wanted.square().sum(-1)
    alike = (mine * wanted).sum(-1) / torch.sqrt(lengths + TINY * TINY)
    counts = (heard.mean(-1) >= HEARD).to(alike.dtype).expand_as(alike)
    mean: Tensor = (alike * counts).sum((1, 2)) / counts.sum((1, 2)).clamp(min=1.0)
    return mean


def _less_mean(x: Tensor, heard: Tensor) -> Tensor:
    mean = (x * heard).sum(-1, keepdim=True) / heard.sum(-1, keepdim=True).clamp(min=1.0)
    return (x - mean) * heard


def _envelopes(sound: Tensor, rate_hz: int, window: int) -> Tensor:
    """Return the envelopes of whole windows, (n, bands, frames)."""
    short = max(0, window - sound.shape[1])
    frames = functional.pad(sound, (0, short)).unfold(1, window, window // 2)
    spectra = torch.fft.rfft(frames * torch.hann_window(window, dtype=sound.dtype))
    power = (spectra.real.square() + spectra.imag.square()).transpose(1, 2)
    return torch.sqrt(torch.from_numpy(_bank(rate_hz, window)).to(power.dtype) @ power + 1e-10)


@cache
def _bank(rate_hz: int, window: int) -> NDArray[np.float32]:
    """Return which bins each band sums, (bands, bins); a band between two bins takes the nearest."""
    centres = LOWEST_HZ * 2.0 ** (np.arange(BANDS)[:, None] / 3)
    hz = np.fft.rfftfreq(window, 1.0 / rate_hz)
    bank: NDArray[np.bool_] = (hz >= centres * 2.0 ** (-1 / 6)) & (hz < centres * 2.0 ** (1 / 6))
    for band in np.flatnonzero(~bank.any(axis=1)):
        bank[band, np.abs(hz - centres[band]).argmin()] = True
    return bank.astype(np.float32)
