"""Pictures of spectrograms: what a cell hears, what is refused before it is unpacked, the folders they are kept in."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sim.errors import FileError, InputError
from snn2hw.audio.augment import Augmentation
from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.corpus import official
from snn2hw.audio.features import features
from snn2hw.audio.front import FrontEnd, from_json, images, to_json
from snn2hw.audio.logmel import LogMel, decibels, mel_values
from snn2hw.audio.picture import BANDS, FRAMES, MOST_PIXELS, MOST_SIDE, covered, is_picture, read_picture
from snn2hw.audio.picture_variant import picture_variant
from snn2hw.codec.encode import Encoder

MEL = LogMel(pictures=True)


def write(path, pixels, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **more)
    return path


def drawn(seed, shape=(BANDS, FRAMES)):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def png(wide, high, data=b""):
    """Return a PNG that says its size, whatever data it has."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def by_hand(grey, bands, frames):
    """Scale by looking at every pixel on a grid so fine that edges of pixels and cells fall on it."""
    fine = np.repeat(np.repeat(grey[::-1], bands, axis=0), frames, axis=1)
    high, wide = grey.shape
    return fine.reshape(bands, high, frames, wide).mean(axis=(1, 3))


@pytest.mark.parametrize("shape", [(32, 32), (64, 96), (20, 30), (33, 7), (1, 2)])
def test_a_cell_is_the_mean_of_what_it_covers(tmp_path, shape):
    pixels = drawn(0, shape)
    clip = read_picture(write(tmp_path / "a.png", pixels), 8000)
    assert clip.rate_hz == 8000
    assert clip.samples.shape == (32, 32)
    assert clip.samples.dtype == np.float32
    np.testing.assert_allclose(clip.samples, by_hand(pixels / 255, 32, 32), rtol=0, atol=1e-6)
    same = shape == (32, 32)
    assert clip.changes == (() if same else (f"scaled from {shape[1]} x {shape[0]} to 32 x 32",))


def test_the_bottom_is_the_lowest_band_and_white_is_loud(tmp_path):
    pixels = np.zeros((32, 32), np.uint8)
    pixels[31, 0] = 255
    image = read_picture(write(tmp_path / "a.png", pixels), 8000).samples
    assert image[0, 0] == 1
    assert image.sum() == 1
    loud = decibels(image, MEL)
    assert (loud[0, 0], loud[5, 5]) == (0, -70)


def test_shares_sum_to_one():
    for pixels, cells in ((7, 3), (3, 7), (32, 32), (1, 5)):
        np.testing.assert_allclose(covered(pixels, cells).sum(1), 1)
    np.testing.assert_array_equal(covered(32, 32), np.eye(32))


def test_colour_is_mixed_transparency_is_black_and_words_keep_their_bits(tmp_path):
    colour = drawn(1, (32, 32, 3))
    wanted = colour[::-1] @ np.array([299, 587, 114]) / 255000
    clip = read_picture(write(tmp_path / "colour.png", colour), 8000)
    np.testing.assert_allclose(clip.samples, wanted, atol=1e-6)
    assert clip.changes == ("colour mixed to grey",)
    clear = np.dstack([colour, np.zeros((32, 32), np.uint8)])
    clear[0, 0] = 255
    assert read_picture(write(tmp_path / "clear.png", clear), 8000).samples.sum() == 1
    words = np.random.default_rng(2).integers(0, 65536, (32, 32)).astype(np.uint16)
    np.testing.assert_allclose(
        read_picture(write(tmp_path / "w.png", words), 1).samples, words[::-1] / 65535, atol=1e-6
    )
    indexed = Image.fromarray(colour).convert("P")
    indexed.save(tmp_path / "p.png")
    grey = np.asarray(indexed.convert("RGB"))[::-1] @ np.array([299, 587, 114]) / 255000
    np.testing.assert_allclose(read_picture(tmp_path / "p.png", 1).samples, grey, atol=1e-6)


def test_a_jpeg_is_read_too(tmp_path):
    smooth = np.linspace(0, 255, 32).astype(np.uint8)[None].repeat(32, 0)
    image = read_picture(write(tmp_path / "a.jpg", smooth, quality=95), 8000).samples
    np.testing.assert_allclose(image, smooth / 255, atol=0.02)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a readable picture"),
        (b"RIFF" + bytes(40), "not a readable picture"),
        (png(32, 32, zlib.compress(bytes(range(33)) * 32))[:-40], "not a readable picture"),
        (png(MOST_SIDE + 1, 1), f"a picture of {MOST_SIDE + 1} x 1 pixels"),
        (png(8192, 8192), "a picture of 8192 x 8192 pixels"),
        (png(2**31 - 1, 2**31 - 1), "a picture of 2147483647 x 2147483647 pixels"),
        (png(0, 5), "a picture of 0 x 5 pixels"),
        (png(32, 32, zlib.compress(bytes(33 * 32))), "is of one colour"),
    ],
    ids=["empty", "sound", "cut", "long", "bomb", "huge", "flat", "black"],
)
def test_damaged_and_huge_pictures_are_refused_by_name(tmp_path, data, said):
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    with pytest.raises(FileError, match=rf"bad\.png: {said}"):
        read_picture(path, 8000)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    bomb = Image.new("L", (8192, 8192))
    bomb.save(tmp_path / "bomb.jpg")
    bomb.save(tmp_path / "bomb.png")
    assert MOST_PIXELS < 8192 * 8192
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("unpacked"))
    for name in ("bomb.jpg", "bomb.png"):
        with pytest.raises(FileError, match="8192 x 8192"):
            read_picture(tmp_path / name, 8000)


def test_other_kinds_of_pictures_are_not_tried(tmp_path):
    Image.fromarray(drawn(0)).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "a.png")
    with pytest.raises(FileError, match="not a readable picture"):
        read_picture(tmp_path / "a.png", 8000)
    assert is_picture(tmp_path / "x.JPEG")
    assert not is_picture(tmp_path / "x.gif")


@pytest.fixture
def folder(tmp_path):
    """Two classes of pictures, light at the bottom or at the top, with parts."""
    for part, count in (("train", 12), ("test", 4)):
        for label in ("low", "high"):
            for k in range(count):
                pixels = drawn(k, (40, 50)) // 4
                pixels[30:] += np.uint8(150 if label == "low" else 0)
                pixels[:10] += np.uint8(150 if label == "high" else 0)
                write(tmp_path / "p" / part / label / f"{k}.png", pixels)
    return tmp_path / "p"


def test_folders_of_pictures_are_a_corpus(folder):
    corpus = read_corpus("folder", folder, 8000)
    assert corpus.pictures
    assert corpus.classes == ("high", "low")
    assert (len(official(corpus).train), len(official(corpus).test)) == (24, 8)
    assert "train/high/0.png: scaled from 50 x 40 to 32 x 32" in corpus.notes
    assert {samples.shape for samples in corpus.samples} == {(32, 32)}
    assert read_corpus("folder", folder, None).rate_hz == 8000
    assert read_corpus("folder", folder, 8000).digest == corpus.digest


def test_a_table_of_pictures_is_a_corpus(folder):
    rows = [
        f"train/{label}/{k}.png,{label},{'test' if k == 3 else 'train'}" for label in ("low", "high") for k in range(4)
    ]
    (folder / "list.csv").write_text("\n".join(["path,label,part", *rows]))
    assert len(read_corpus("folder", folder / "list.csv", 8000)) == 8


def test_a_damaged_picture_is_named_or_left_out(folder):
    (folder / "train" / "low" / "0.png").write_bytes(b"no")
    with pytest.raises(FileError, match=r"(?s)0\.png: not a readable picture.*--skip-damaged"):
        read_corpus("folder", folder, 8000)
    corpus = read_corpus("folder", folder, 8000, skip_damaged=True)
    assert len(corpus) == 31
    assert any("left out" in note and "0.png" in note for note in corpus.notes)


def test_sounds_beside_pictures_are_refused(folder):
    (folder / "train" / "low" / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="sounds and pictures in one corpus"):
        read_corpus("folder", folder, 8000)


def test_pictures_have_a_normaliser_of_their_own_and_variants_that_repeat(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SNN2HW_CACHE", str(tmp_path / "cache"))
    corpus = read_corpus("folder", folder, 8000)
    split = official(corpus)
    made = [features(corpus, split, MEL, levels=31, variants=2) for _ in range(2)]
    np.testing.assert_array_equal(made[0].pool, made[1].pool)
    assert made[0].pool.shape == (3, 24, 32, 32)
    assert (made[0].pool[1] != made[0].pool[2]).any()
    loud = np.stack([-70 * (1 - corpus.samples[i]) for i in split.train])
    np.testing.assert_allclose(made[0].normaliser.low_db, np.percentile(loud, 10, axis=(0, 2)), atol=1e-4)
    front = FrontEnd(MEL, made[0].normaliser, Encoder("direct", 4, 31), "mean", corpus.classes)
    np.testing.assert_array_equal(images(front, [corpus.samples[i] for i in split.train])[:, 0], made[0].pool[0])
    assert from_json(to_json(front), "front.json") == front


def test_no_variation_leaves_the_picture():
    still = Augmentation(speed=0, warp=0, ends=0, noisy=0)
    loud = decibels(drawn(3).astype(np.float32) / 255, MEL)
    np.testing.assert_allclose(picture_variant(loud, -70, still, np.random.default_rng(0)), loud, atol=1e-4)


def test_variants_stay_within_the_range():
    loud = decibels(drawn(3).astype(np.float32) / 255, MEL)
    for seed in range(20):
        varied = picture_variant(loud, -70, Augmentation(), np.random.default_rng(seed))
        assert varied.shape == (32, 32)
        assert varied.min() >= -70
        assert varied.max() <= 0


def test_a_front_end_says_pictures_only_where_it_hears_them():
    assert "pictures" not in mel_values(LogMel())
    assert mel_values(MEL)["pictures"] is True
    with pytest.raises(InputError, match="a picture has no silent ends"):
        replace(MEL, ends_db=-35)
    with pytest.raises(InputError, match="the front end hears sounds"):
        decibels(np.ones((32, 32), np.float32), LogMel())
    with pytest.raises(InputError, match="the front end hears pictures"):
        decibels(np.ones(8000, np.float32), MEL)


def test_a_front_end_that_says_something_else_is_damaged(folder):
    corpus = read_corpus("folder", folder, 8000)
    made = features(corpus, official(corpus), MEL, levels=31)
    text = to_json(FrontEnd(MEL, made.normaliser, Encoder("direct", 4, 31), "mean", corpus.classes))
    with pytest.raises(FileError, match="pictures"):
        from_json(text.replace('"pictures": true', '"pictures": 1'), "front.json")
