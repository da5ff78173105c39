"""Between samples and masks, for many sounds at once: what `snn2hw.denoise.stream` does to one, in torch."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn2hw.audio.spectra import warped_bank
from snn2hw.denoise.mask_front import MaskFront, Tracker, messages_of, passed_by, root_window

__all__ = ["decibels_less", "heard_frames", "joined", "laid_in", "messages_in"]

QUIET = 1e-6


def heard_frames(noisy: NDArray[np.float32], front: MaskFront) -> Tensor:
    """Return the spectra of sounds (n, samples), (n, T, bins), from half a window before them to half one behind."""
    spec = front.spectra
    tail = -noisy.shape[1] % spec.hop + spec.hop
    held = np.pad(noisy, ((0, 0), (spec.hop, tail)))
    frames = np.lib.stride_tricks.sliding_window_view(held, spec.window, axis=1)[:, :: spec.hop]
    spectra = np.fft.rfft(frames * root_window(spec).astype(np.float32)).astype(np.complex64)
    found: Tensor = torch.from_numpy(spectra)
    return found


def messages_in(spectra: Tensor, front: MaskFront) -> Tensor:
    """Return the messages of spectra (n, T, bins), (n, T, features), over ``unit``: what the network is trained on."""
    power = np.square(np.abs(spectra.numpy()))
    bank = warped_bank(front.spectra).T.astype(np.float32)
    decibels = 10.0 * np.log10((power @ bank).astype(np.float64) + front.spectra.floor)
    state = Tracker()
    steps = [messages_of(decibels[:, t], front, state) for t in range(decibels.shape[1])]
    found: Tensor = torch.from_numpy((np.stack(steps, 1) / front.unit).astype(np.float32))
    return found


def laid_in(masks: Tensor, heard: Tensor, front: MaskFront) -> Tensor:
    """Return masks (n, T, bands) as they are laid over sounds, what is `heard` over ``unit``: `laid_over` in torch."""
    first, *others = masks.unbind(1)
    rows = [first]
    for mask in others:
        rows.append(torch.maximum(mask, front.release * rows[-1] + (1 - front.release) * mask))
    passed = torch.from_numpy(passed_by(heard.numpy() * front.unit, front)).to(masks.dtype)
    return passed + (1 - passed) * torch.stack(rows, 1)


def joined(spectra: Tensor, front: MaskFront, samples: int) -> Tensor:
    """Return the sounds of masked spectra, (n, samples)."""
    spec = front.spectra
    window = torch.from_numpy(root_window(spec).astype(np.float32))
    frames = torch.fft.irfft(spectra, spec.window) * window
    whole = frames[:, 1:, : spec.hop] + frames[:, :-1, spec.hop :]
    sounds: Tensor = whole.reshape(len(frames), -1)
    return sounds[:, :samples]


def decibels_less(estimate: Tensor, clean: Tensor, open_decibels: float) -> Tensor:
    """Return 10 log10(|e - s|^2 / |s|^2) of each sound, which no estimate brings below ``-open_decibels``."""
    error, signal = (x.square().sum(1) for x in (estimate - clean, clean))
    floor = 10.0 ** (-open_decibels / 10.0)
    loss: Tensor = 10.0 * torch.log10(error / (signal + QUIET) + floor)
    return loss
