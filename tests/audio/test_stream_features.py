"""What a stream may hear of a frame: in pieces as in the whole, in a batch as alone, each kind by its formula."""

from dataclasses import replace

import numpy as np
import pytest

from sim.errors import FileError, InputError
from snn2hw.audio.disturb import Disturbance, disturbed, transposed, varied
from snn2hw.audio.mel_stream import MelFront, MelStream, front_from, front_to, heard
from snn2hw.audio.spectra import KINDS, FrameValues, Spectra, bank_of, frames_of, kind_of, power_of, values_in, width_of
from tests.audio.pieces import pushed_in_pieces

SPEC = Spectra(8000, 200, 100, bands=24, highest_hz=3900)


@pytest.fixture
def sound():
    return np.random.default_rng(1).normal(0, 0.1, 9876).astype(np.float32)


def by_formula(sound, kind):
    """Compute every kind in plain loops over frames and bands."""
    rows, level = [], None
    for frame in frames_of(sound, SPEC):
        power = np.abs(np.fft.rfft(frame, SPEC.bins)) ** 2
        mel = np.array([(row * power).sum() for row in bank_of(SPEC, "log-mel")])
        loud = 10 * np.log10(mel + SPEC.floor)
        level = mel if level is None else 0.975 * level + 0.025 * mel
        m = np.arange(24)
        rows.append(
            {
                "stft": np.abs(np.fft.rfft(frame, SPEC.bins)),
                "log-mel": loud,
                "mfcc": [
                    (loud * np.cos(np.pi * k * (m + 0.5) / 24)).sum() * np.sqrt((1 if k == 0 else 2) / 24)
                    for k in range(13)
                ],
                "pcen": np.sqrt(mel / (1e-6 + level) ** 0.98 + 2) - np.sqrt(2),
            }[kind]
        )
    return np.array(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_its_formula(sound, kind):
    found = kind_of(sound, SPEC, kind)
    assert found.shape == (SPEC.count(sound.size), width_of(SPEC, kind))
    np.testing.assert_allclose(found, by_formula(sound, kind), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mean", ["running", "none"])
@pytest.mark.parametrize("kind", KINDS)
def test_pieces_give_the_messages_of_the_whole(sound, kind, mean):
    front = MelFront(SPEC, features=kind, mean=mean, step_db=0.1)
    whole = heard(sound, front)
    assert whole.shape == (SPEC.count(sound.size), front.width)
    assert len(np.unique(whole)) > 10
    assert (pushed_in_pieces(MelStream(front).push, sound) == whole).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_has_the_values_of_each_clip_from_its_first_frame_on(sound, kind):
    power = np.stack([power_of(frame, SPEC) for frame in frames_of(sound, SPEC)])[:40]
    inside = np.zeros((2, 40), bool)
    inside[0, 7:30] = inside[1] = True
    found = values_in(np.stack([power, power]) @ bank_of(SPEC, kind).T, inside, SPEC, kind)
    for k in range(2):
        alone = FrameValues(SPEC, kind)
        wanted = [alone.next(row) for row in power[inside[k]]]
        np.testing.assert_allclose(found[k][inside[k]], wanted, rtol=1e-9, atol=1e-12)


def test_bins_that_are_not_warped_are_the_bins_and_warped_ones_move():
    np.testing.assert_array_equal(bank_of(SPEC, "stft"), np.eye(129))
    tone = np.eye(129)[40]
    assert (bank_of(SPEC, "stft", 1.25) @ tone).argmax() == 32
    assert bank_of(SPEC, "stft", 1.25)[128].argmax() == 128


def test_the_mean_of_an_utterance_is_taken_off_of_every_kind(sound):
    for kind in KINDS:
        front = MelFront(SPEC, features=kind, mean="utterance", step_db=0.01, limit=63)
        assert heard(sound, front).shape == (SPEC.count(sound.size), front.width)


def test_a_front_end_says_its_features_only_where_they_are_others():
    assert not {"features", "coefficients"} & front_to(MelFront()).keys()
    front = MelFront(SPEC, features="mfcc", coefficients=20, centre_db=(1.0,) * 20)
    assert front_from(front_to(front), "file") == front
    with pytest.raises((FileError, InputError), match="no features 'wav'"):
        front_from(front_to(front) | {"features": "wav"}, "file")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"features": "wav"}, "no features 'wav'"),
        ({"features": "mfcc", "coefficients": 25}, "25 coefficients of 24 bands"),
        ({"features": "stft", "centre_db": (0.0,) * 24}, "24 means for 129 bands"),
    ],
)
def test_front_ends_that_cannot_be_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        MelFront(SPEC, **wrong)


def peaks(*places):
    """Return clips of one frame whose power is a hill about a bin each."""
    bins = np.arange(129)
    return np.stack([np.exp(-(((bins - place) / 4) ** 2)) for place in places])[:, None].astype(np.float32)


def test_a_pitch_moves_what_is_heard_and_keeps_its_power():
    moved = transposed(peaks(40, 40, 40), np.array([0.0, 12.0, -12.0]))
    np.testing.assert_array_equal(moved[0], peaks(40)[0])
    assert [int(clip[0].argmax()) for clip in moved] == [40, 80, 20]
    np.testing.assert_allclose(moved.sum((1, 2)), peaks(40).sum(), rtol=1e-3)


def test_what_leaves_the_top_is_gone():
    assert transposed(peaks(110), np.array([12.0])).max() == 0
    assert np.isfinite(transposed(peaks(128), np.array([-24.0]))).all()


def test_a_pitch_of_nothing_draws_nothing_and_one_repeats_bit_for_bit():
    power = np.random.default_rng(0).exponential(size=(4, 30, 129)).astype(np.float32)
    lengths = np.array([30, 20, 10, 1])

    def drawn(seed, **how):
        return disturbed(power, lengths, SPEC, Disturbance(**how), np.random.default_rng(seed))[0]

    assert (drawn(3) == drawn(3, pitch=0.0)).all()
    assert (drawn(3, pitch=2.0) == drawn(3, pitch=2.0)).all()
    assert (drawn(3, pitch=2.0) != drawn(3)).any()
    with pytest.raises(InputError, match="pitch -1: not from 0 to 24"):
        Disturbance(pitch=-1)


PLAIN = Disturbance(0, 0, 0, 0, 0, noise=0, mask_bands=0, mask_frames=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_background_lies_behind_a_clip_at_the_ratio_of_powers_that_was_asked_for(kind):
    random = np.random.default_rng(0)
    power = random.exponential(size=(40, 30, 129)).astype(np.float32)
    power[5] = 0.0
    lengths, behind = np.arange(40) % 30 + 1, random.exponential(size=(11, 129)).astype(np.float32)

    def drawn(how, backgrounds, seed=1):
        return varied(power, lengths, SPEC, how, np.random.default_rng(seed), kind, backgrounds)

    alone, inside = drawn(PLAIN, None)
    half = replace(PLAIN, background=0.5, background_db=(10.0, 10.0))
    for without in ((half, None), (PLAIN, behind)):
        np.testing.assert_array_equal(drawn(*without)[0], alone)
    mixed, _ = drawn(half, behind)
    np.testing.assert_array_equal(mixed, drawn(half, behind)[0])
    assert (mixed != drawn(half, behind, seed=2)[0]).any()
    signal, noise = ((x.sum(axis=2) * inside).sum(axis=1) for x in (alone, mixed - alone))
    heard = noise > 0
    assert 10 < heard.sum() < 30, "of half the clips, never of silence"
    assert not heard[5]
    np.testing.assert_allclose(10 * np.log10(signal[heard] / noise[heard]), 10.0, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"background": 1.5}, "background 1.5: must be a share"),
        ({"background_db": (20.0, 0.0)}, "background_db 20 to 0"),
        ({"background_db": (0.0, float("nan"))}, "background_db 0 to nan"),
    ],
)
def test_backgrounds_that_cannot_be_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        Disturbance(**wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_variants_of_every_kind_repeat_and_none_leaves_the_clip(kind):
    power = np.random.default_rng(0).exponential(size=(3, 30, 129)).astype(np.float32)
    lengths = np.array([30, 30, 12])
    one, two = (varied(power, lengths, SPEC, Disturbance(), np.random.default_rng(5), kind) for _ in range(2))
    assert (one[0] == two[0]).all()
    plain, inside = varied(power, lengths, SPEC, PLAIN, np.random.default_rng(0), kind)
    wanted = power @ bank_of(SPEC, kind).T
    np.testing.assert_allclose(plain[inside], wanted[inside], rtol=1e-4)
