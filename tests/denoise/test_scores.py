"""Scores against their definitions, written another way."""

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.denoise.scores import judged, pesq_of, si_snr, stoi_of
from tests.denoise.conftest import hiss, syllables


def test_the_scale_of_an_estimate_does_not_matter():
    clean, noise = syllables(0), hiss(0)
    assert si_snr(clean + noise, clean) == pytest.approx(si_snr(0.2 * (clean + noise), clean), abs=1e-4)


def test_it_is_the_angle_between_both():
    clean, noise = syllables(1), hiss(1)
    e, s = (x.astype(float) - x.astype(float).mean() for x in (clean + noise, clean))
    cosine = e @ s / np.linalg.norm(e) / np.linalg.norm(s)
    assert si_snr(clean + noise, clean) == pytest.approx(20 * np.log10(cosine / np.sqrt(1 - cosine**2)), abs=1e-6)


def test_less_noise_scores_higher():
    clean, noise = syllables(2), hiss(2)
    scores = [si_snr(clean + k * noise, clean) for k in (2.0, 1.0, 0.5, 0.1)]
    assert scores == sorted(scores)


def test_lengths_that_differ_are_refused():
    with pytest.raises(InputError, match="give both the same length"):
        si_snr(np.zeros(3), np.zeros(4))


def test_pesq_and_stoi_know_the_clean_one():
    pytest.importorskip("pystoi")
    clean, noisy = syllables(3), syllables(3) + hiss(3)
    assert stoi_of(clean, clean, 16000) > stoi_of(noisy, clean, 16000)
    pytest.importorskip("pesq")
    assert pesq_of(clean, clean, 16000) > pesq_of(noisy, clean, 16000)


def test_what_a_library_cannot_score_is_said_in_words():
    pytest.importorskip("pystoi")
    pytest.importorskip("pesq")
    quiet = hiss(0)[:1600]
    found = judged(quiet, quiet, 16000)
    assert isinstance(found["si_snr_db"], float)
    assert str(found["stoi"]).startswith("STOI of this sound")
    assert str(judged(quiet, 1e-9 * quiet, 16000)["pesq"]).startswith("PESQ of this sound")
    with pytest.raises(InputError, match="is defined at 8000 and 16000"):
        pesq_of(quiet, quiet, 22050)
