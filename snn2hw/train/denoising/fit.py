"""Training a denoiser: the loop's `Training` for it, and what it makes of noisy speech."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snn2hw.denoise.mask_front import back_to_bins
from snn2hw.denoise.mixing import NoisySpeech, Pair, drawn
from snn2hw.denoise.scores import si_snr
from snn2hw.train.denoising.crced import CrcedNet
from snn2hw.train.denoising.crnn import CrnnNet
from snn2hw.train.denoising.envelopes import unlike_decibels
from snn2hw.train.denoising.mask_net import MaskNet
from snn2hw.train.denoising.recipe import DenoiseRecipe
from snn2hw.train.denoising.sounds import decibels_less, heard_frames, joined, laid_in, messages_in
from snn2hw.train.loop import Batch, EpochRow, Optimising, Training
from snn2hw.train.rates import one_cycle
from snn2hw.train.run_state import RunState
from snn2hw.train.to_the_end import trained_to_the_end

__all__ = ["cleaned", "denoiser", "fit_denoiser", "gains"]

SLOPE = 0.02
"""Of the clip outside its range while it is trained: a mask at an end can come back."""
STEADIED = 2.0
UNKNOWN = float("nan")
"""The ratio of pairs of which nobody says it: one key, since no nan is equal to another."""


def denoiser(recipe: DenoiseRecipe) -> nn.Module:
    """Return the untrained network of a recipe."""
    layout, front, bands = recipe.layout, recipe.front, recipe.front.spectra.bands
    match recipe.shape:
        case "cr-ced":
            return CrcedNet(bands, layout.answer_kept, recipe.spiking)
        case "crnn":
            return CrnnNet(layout, bands, recipe.spiking)
        case _:
            return MaskNet(layout, front.features, bands, recipe.spiking)


def fit_denoiser(
    recipe: DenoiseRecipe,
    speech: NoisySpeech,
    folder: Path,
    *,
    more_epochs: int = 0,
    on_epoch: Callable[[Mapping[str, Any]], object] | None = None,
) -> tuple[nn.Module, RunState]:
    """Train in ``folder``, from its last checkpoint if any; the last epoch is kept: nothing chooses among epochs."""
    torch.manual_seed(recipe.seed)
    model = denoiser(recipe)
    training = _training(model, recipe, speech)
    return trained_to_the_end(training, recipe, folder, more_epochs, on_epoch)


def _training(model: nn.Module, recipe: DenoiseRecipe, speech: NoisySpeech) -> Training:
    assert recipe.rate is not None
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)

    def draw(chosen: NDArray[np.int64], random: np.random.Generator) -> Batch:
        noisy, clean = drawn(speech.train, recipe.mixing, speech.rate_hz, len(chosen), random)
        heard = torch.from_numpy(noisy)
        return Batch(heard, torch.from_numpy(clean), heard)

    def judge(row: EpochRow) -> EpochRow:
        if not speech.validate or row["epoch"] % 5:
            return {}
        found = gains(speech.validate, cleaned(model, recipe, speech.validate))
        return {"validate_gain_db": float(np.mean(list(found.values())))} | {
            f"gain_at_{snr_db:g}_db": gain for snr_db, gain in found.items()
        }

    return Training(
        model=model,
        optimising=Optimising(optimizer, (recipe.rate,), one_cycle),
        objective=lambda estimate, clean, noisy: _loss(estimate, clean, noisy, recipe),
        labels=np.zeros(recipe.mixtures, np.int64),
        draw=draw,
        forward=lambda noisy: (_estimate(model, recipe, noisy.numpy()), None),
        judge=judge,
        keeps=lambda *_: True,
        draws_inside=True,
        least=2,
        answers=False,
        steadied=STEADIED,
    )


def _loss(estimate: Tensor, clean: Tensor, noisy: Tensor | None, recipe: DenoiseRecipe) -> Tensor:
    assert noisy is not None
    spec = recipe.front.spectra

    def worth(far: Callable[[Tensor], Tensor]) -> Tensor:
        """Return how far the estimate is from the speech, and once more by how much farther than the noisy sound."""
        found = far(estimate)
        with torch.no_grad():
            before = far(noisy)
        return (found + recipe.harm_weight * (found - before).clamp(min=0.0)).mean()

    loss = worth(lambda sound: decibels_less(sound, clean, recipe.open_decibels))
    if not recipe.stoi_weight:
        return loss
    return loss + recipe.stoi_weight * worth(lambda sound: unlike_decibels(sound, clean, spec.rate_hz, spec.window))


def _estimate(model: nn.Module, recipe: DenoiseRecipe, noisy: NDArray[np.float32]) -> Tensor:
    spectra = heard_frames(noisy, recipe.front)
    return joined(spectra * _mask(model, recipe, spectra), recipe.front, noisy.shape[1])


def _mask(model: nn.Module, recipe: DenoiseRecipe, spectra: Tensor) -> Tensor:
    """Return a mask of the bins, (n, T, bins), as the program's will be laid over the sound.

    In training it opens where the answer is 1: a network that knew that it does before would answer less.
    """
    front = recipe.front
    heard = messages_in(spectra, front)
    answer: Tensor = model(heard) if model.training else model(heard) / front.opens
    mask = answer.clamp(front.least, 1.0)
    if model.training:
        mask = mask + SLOPE * (answer - mask).clamp(-5.0, 5.0)
    return laid_in(mask, heard, front) @ torch.from_numpy(back_to_bins(front.spectra).T.astype(np.float32))


def cleaned(model: nn.Module, recipe: DenoiseRecipe, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
    """Return what the network of floats makes of every noisy sound."""
    model.eval()
    with torch.no_grad():
        return [_estimate(model, recipe, pair.noisy[None]).numpy()[0] for pair in pairs]


def gains(pairs: Sequence[Pair], estimates: Sequence[NDArray[np.floating]]) -> dict[float, float]:
    """Return the mean gain in SI-SNR over the noisy sound at every ratio, in decibels; of unknown ratios one, last."""
    found: dict[float, list[float]] = {}
    for pair, estimate in zip(pairs, estimates, strict=True):
        gain = si_snr(estimate, pair.clean) - si_snr(pair.noisy, pair.clean)
        found.setdefault(UNKNOWN if np.isnan(pair.snr_db) else pair.snr_db, []).append(gain)
    ratios = sorted(found, key=lambda snr_db: (np.isnan(snr_db), snr_db))
    return {snr_db: float(np.mean(found[snr_db])) for snr_db in ratios}
