"""Encoders and decoders: the same spikes as Norse, the same spikes every time."""

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.codec.decode import DECODERS, decide, decode
from snn2hw.codec.encode import Encoder, encode, highest, spike_table

IMAGES = np.random.default_rng(0).integers(0, 32, (5, 1, 4, 3), dtype=np.uint8)


def test_direct_input_is_the_value_at_every_step():
    raster = encode(IMAGES, Encoder("direct", 7, 31))
    assert raster.shape == (5, 7, 1, 4, 3)
    for t in range(7):
        np.testing.assert_array_equal(raster[:, t], IMAGES)


@pytest.mark.parametrize("gain", [1.5, 4.0, 6.0, 17.3])
@pytest.mark.parametrize("levels", [31, 255])
def test_lif_spikes_are_those_of_norse(gain, levels):
    torch = pytest.importorskip("torch")
    from norse.torch.functional.encode import constant_current_lif_encode

    encoder = Encoder("lif", 60, levels, gain=gain)
    current = torch.arange(levels + 1) * torch.tensor(gain / levels, dtype=torch.float32)
    expected = constant_current_lif_encode(current.float(), 60).numpy()  # t level
    np.testing.assert_array_equal(spike_table(encoder).T, expected)
    assert expected.any()


def test_lif_encoding_looks_every_value_up():
    encoder = Encoder("lif", 9, 31)
    raster = encode(IMAGES, encoder)
    table = spike_table(encoder)
    for place in np.ndindex(IMAGES.shape):
        np.testing.assert_array_equal(raster[(place[0], slice(None), *place[1:])], table[IMAGES[place]])


def test_latency_is_one_spike_the_earlier_the_larger():
    table = spike_table(Encoder("latency", 16, 31))
    assert not table[0].any()
    assert (table[1:].sum(axis=1) == 1).all()
    when = table[1:].argmax(axis=1)
    assert (np.diff(when) <= 0).all()
    assert (when[-1], when[0]) == (0, 15)


def test_poisson_rates_are_the_values():
    encoder = Encoder("poisson", 4000, 31, rate=0.5, seed=3)
    rates = encode(IMAGES[:1], encoder)[0].mean(axis=0)
    np.testing.assert_allclose(rates, IMAGES[0] / 62, atol=0.04)


def test_poisson_depends_on_the_seed_and_the_number_of_the_sample_alone():
    encoder = Encoder("poisson", 20, 31, seed=3)
    whole = encode(IMAGES, encoder)
    np.testing.assert_array_equal(whole[2:4], encode(IMAGES[2:4], encoder, first=2))
    assert not np.array_equal(whole, encode(IMAGES, Encoder("poisson", 20, 31, seed=4)))


def test_poisson_spikes_are_pinned():
    encoder = Encoder("poisson", 12, 31, seed=1)
    train = encode(np.full((1, 1), 31, np.uint8), encoder)[0, :, 0]
    assert train.tolist() == PINNED


PINNED = [1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1]


def test_the_highest_message_bounds_the_raster():
    for kind in ("direct", "lif", "latency", "poisson"):
        encoder = Encoder(kind, 30, 31, rate=1.0)
        assert encode(np.full((1, 2), 31, np.uint8), encoder).max() == highest(encoder)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Encoder("morse", 3, 31), "encoder 'morse': unknown"),
        (lambda: Encoder("lif", 0, 31), "0 steps"),
        (lambda: Encoder("lif", 3, 300), "300 levels"),
        (lambda: Encoder("lif", 3, 31, gain=0), "gain 0"),
        (lambda: encode(np.full((1, 1), 32, np.uint8), Encoder("direct", 3, 31)), r"a value of 32 in 0\.\.31"),
        (lambda: spike_table(Encoder("poisson", 3, 31)), "has no table"),
        (lambda: decode(np.zeros((1, 2, 3)), "mode"), "decoder 'mode': unknown"),
    ],
)
def test_misuse_is_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_decoders_reduce_time_each_in_its_way():
    output = np.array([[[1, 9, 3], [5, 2, 4], [4, 0, 5]]])  # b t class
    scores = {decoder: decode(output, decoder)[0].tolist() for decoder in DECODERS}
    assert scores == {"max": [5, 9, 5], "last": [4, 0, 5], "mean": [10 / 3, 11 / 3, 4.0], "count": [10, 11, 12]}
    assert {d: int(decide(output, d)[0]) for d in DECODERS} == {"max": 1, "last": 2, "mean": 2, "count": 2}
