"""The front end travels as JSON, the features are cached, and neither changes a value."""

from dataclasses import replace

import numpy as np
import pytest

from sim.errors import FileError
from snn2hw.audio.cache import cached
from snn2hw.audio.corpus import Corpus, Split
from snn2hw.audio.features import features
from snn2hw.audio.front import FrontEnd, from_json, images, raster, to_json
from snn2hw.audio.logmel import LogMel
from snn2hw.codec.encode import Encoder


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SNN2HW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def corpus(count=12):
    random = np.random.default_rng(0)
    samples = tuple(random.normal(0, 0.1, 2000 + 50 * k).astype(np.float32) for k in range(count))
    column = tuple(str(k) for k in range(count))
    return Corpus("toy", ("a", "b"), 8000, samples, np.arange(count) % 2, column, ("train",) * count, column)


SPLIT = Split(np.arange(6), np.arange(6, 9), np.arange(9, 12))


def test_a_front_end_makes_the_images_the_network_was_tested_on():
    toy = corpus()
    data = features(toy, SPLIT, LogMel(), levels=31)
    front = FrontEnd(LogMel(), data.normaliser, Encoder("lif", 5, 31), "max", toy.classes)
    heard = [toy.samples[i] for i in SPLIT.test]
    np.testing.assert_array_equal(images(front, heard)[:, 0], data.test.images)
    assert raster(front, heard).shape == (3, 5, 1, 32, 32)


def test_a_front_end_survives_json_exactly():
    toy = corpus()
    data = features(toy, SPLIT, LogMel(), levels=31)
    front = FrontEnd(LogMel(), data.normaliser, Encoder("poisson", 5, 31, seed=7), "last", toy.classes)
    assert from_json(to_json(front), "front.json") == front
    assert "ends_db" not in to_json(front), "files of before have no such field"
    other = replace(front, mel=LogMel(mean="utterance", ends_db=-35.0))
    assert from_json(to_json(other), "front.json") == other


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"schema": "snn2hw.front/1"}', '{"schema": "other/1"}'])
def test_what_is_no_front_end_is_refused_with_its_name(text):
    with pytest.raises(FileError, match=r"front\.json: not a front end"):
        from_json(text, "front.json")


def test_the_normaliser_sees_the_training_part_alone():
    toy = corpus()
    whole = features(toy, SPLIT, LogMel(), levels=31).normaliser
    quiet = Corpus(**{**vars(toy), "samples": (*toy.samples[:9], *(s[::-1].copy() for s in toy.samples[9:]))})
    assert features(quiet, SPLIT, LogMel(), levels=31).normaliser == whole


def test_the_pool_begins_with_the_clips_themselves_and_variants_come_back_from_the_cache(private_cache):
    toy = corpus()
    first = features(toy, SPLIT, LogMel(), levels=31, variants=2)
    np.testing.assert_array_equal(first.pool[0], features(toy, SPLIT, LogMel(), levels=31).pool[0])
    files = sorted(private_cache.iterdir())
    stamps = [file.stat().st_mtime_ns for file in files]
    again = features(toy, SPLIT, LogMel(), levels=31, variants=2)
    np.testing.assert_array_equal(first.pool, again.pool)
    assert [file.stat().st_mtime_ns for file in sorted(private_cache.iterdir())] == stamps
    assert not np.array_equal(first.pool[1], first.pool[2])
    other = Split(SPLIT.train[::-1], SPLIT.validate, SPLIT.test)
    shared = features(toy, other, LogMel(), levels=31, variants=2)
    np.testing.assert_array_equal(shared.pool, first.pool[:, ::-1])
    assert len(list(private_cache.iterdir())) == len(files)


def test_a_torn_cache_file_is_computed_again(private_cache):
    calls = []

    def compute():
        calls.append(1)
        return np.arange(5)

    for _ in range(2):
        np.testing.assert_array_equal(cached("key", compute), np.arange(5))
    (file,) = private_cache.iterdir()
    file.write_bytes(file.read_bytes()[:40])
    np.testing.assert_array_equal(cached("key", compute), np.arange(5))
    assert len(calls) == 2


def test_a_cache_that_cannot_be_written_only_costs_the_time(private_cache):
    private_cache.write_text("a file where the folder should be")
    np.testing.assert_array_equal(cached("key", lambda: np.arange(5)), np.arange(5))
