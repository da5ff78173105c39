"""A corpus: labelled clips in memory, each with the speaker it came from, and the ways to split it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.cures import one_of
from sim.errors import InputError
from snn2hw.audio.by_clip import named_few

__all__ = ["Corpus", "Split", "holdout", "joined", "leave_fold_out", "leave_out", "official", "parted"]


@dataclass(frozen=True)
class Corpus:
    """``samples[i]`` was spoken by ``speakers[i]`` and says ``classes[labels[i]]``; ``parts[i]`` is its official part.

    ``folds`` are the official folds, where there are any: clips of one source never lie in two of them.
    ``columns`` is what the data say of every clip beside that, by the name of the column; "" is nothing.
    ``names`` are file names (or the names of synthesised utterances), ``notes`` say which files were converted and how.
    """

    name: str
    classes: tuple[str, ...]
    rate_hz: int
    samples: tuple[NDArray[np.float32], ...]
    labels: NDArray[np.int64]
    speakers: tuple[str, ...]
    parts: tuple[str, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.samples), len(self.labels), len(self.speakers), len(self.parts), len(self.names)}
        if len(lengths) != 1 or 0 in lengths:
            raise InputError(f"corpus {self.name!r}: columns of different or no length ({sorted(lengths)})")
        if self.folds and len(self.folds) != len(self.labels):
            raise InputError(f"corpus {self.name!r}: {len(self.folds)} folds for {len(self.labels)} clips")
        for column, values in self.columns.items():
            if len(values) != len(self.labels):
                raise InputError(f"corpus {self.name!r}: {len(values)} of {column!r} for {len(self.labels)} clips")
        if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
            raise InputError(f"corpus {self.name!r}: a label outside 0..{len(self.classes) - 1}")

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def pictures(self) -> bool:
        """Return whether its clips are pictures of spectrograms, (bands, frames), not sounds."""
        return self.samples[0].ndim == 2

    @property
    def digest(self) -> str:
        """SHA-256 over every sample, label and name: the key of everything cached from this corpus."""
        sha = hashlib.sha256(
            repr((self.name, self.classes, self.rate_hz, self.names, self.speakers, self.parts)).encode()
        )
        sha.update(self.labels.astype("<i8").tobytes())
        for samples in self.samples:
            sha.update(np.int64(samples.size).tobytes())
            sha.update(samples.astype("<f4").tobytes())
        return sha.hexdigest()


def joined(corpus: Corpus, more: Corpus) -> Corpus:
    """Return a corpus with all clips of another one for training; a speaker of that is called by its corpus too."""
    if (corpus.classes, corpus.rate_hz) != (more.classes, more.rate_hz):
        what = f"corpus {corpus.name!r} and {more.name!r}: other classes or another rate"
        raise InputError(what, "join what is of the same classes")
    return replace(
        corpus,
        name=f"{corpus.name}+{more.name}",
        samples=corpus.samples + more.samples,
        labels=np.concatenate([corpus.labels, more.labels]),
        speakers=corpus.speakers + tuple(f"{more.name}:{speaker}" for speaker in more.speakers),
        parts=corpus.parts + ("train",) * len(more),
        names=corpus.names + tuple(f"{more.name}:{name}" for name in more.names),
        notes=corpus.notes + more.notes,
        folds=corpus.folds and corpus.folds + ("",) * len(more),
        columns={column: values + ("",) * len(more) for column, values in corpus.columns.items()},
    )


class Split(NamedTuple):
    """Indices into a corpus; no clip is in two of them."""

    train: NDArray[np.int64]
    validate: NDArray[np.int64]
    test: NDArray[np.int64]


def official(corpus: Corpus) -> Split:
    """Split by the corpus's own parts ``train``, ``validate`` (may be absent) and ``test``."""
    parts = np.array(corpus.parts)
    train, validate, test = (np.flatnonzero(parts == part) for part in ("train", "validate", "test"))
    if not train.size or not test.size:
        raise InputError(
            f"corpus {corpus.name!r}: has no train/test parts (found {sorted(set(corpus.parts))})",
            "name the parts in the folders, or leave a speaker or a fold out",
        )
    return _learnable(corpus, Split(train, validate, test))


def _learnable(corpus: Corpus, split: Split) -> Split:
    """Refuse a split in which no class of the test part can be learnt: it would be trained in vain."""
    tested, learnt = ({corpus.classes[k] for k in corpus.labels[part]} for part in (split.test, split.train))
    if not tested & learnt:
        what = f"corpus {corpus.name!r}: training has no class of the test part ({named_few(tested)})"
        raise InputError(what, "choose another label, or parts that share their classes")
    return split


def leave_out(corpus: Corpus, speaker: str) -> Split:
    """Test on one speaker, or on the clips of a group, ``COLUMN=VALUE``; train on all others."""
    speakers = np.array(corpus.speakers)
    if speaker not in corpus.speakers and "=" in speaker:
        return _leave_group_out(corpus, *speaker.split("=", 1))
    if speaker not in corpus.speakers:
        known = ", ".join(sorted(set(corpus.speakers))[:12])
        columns = f"; or a group, COLUMN=VALUE, of {', '.join(corpus.columns)}" if corpus.columns else ""
        raise InputError(f"corpus {corpus.name!r}: no speaker {speaker!r}", f"name one of: {known}{columns}")
    none = np.empty(0, dtype=np.int64)
    return Split(np.flatnonzero(speakers != speaker), none, np.flatnonzero(speakers == speaker))


def _leave_group_out(corpus: Corpus, column: str, value: str) -> Split:
    """Test on the clips of which a column says a value; those of which it says nothing are learnt."""
    known = {"speaker": corpus.speakers, **({"fold": corpus.folds} if corpus.folds else {}), **corpus.columns}
    if column not in known:
        raise InputError(f"corpus {corpus.name!r}: no column {column!r}", f"choose {one_of(column, known)}")
    values = np.array(known[column])
    if not value or value not in known[column]:
        found = sorted(set(known[column]) - {""})
        said = ", ".join(found[:12]) or "nothing"
        raise InputError(f"corpus {corpus.name!r}: no {column} {value!r}", f"name one of: {said}")
    none = np.empty(0, dtype=np.int64)
    return Split(np.flatnonzero(values != value), none, np.flatnonzero(values == value))


def leave_fold_out(corpus: Corpus, fold: str) -> Split:
    """Test on one official fold, train on all others."""
    if fold not in corpus.folds:
        known = ", ".join(sorted(set(corpus.folds), key=lambda f: (len(f), f))) or "none"
        raise InputError(f"corpus {corpus.name!r}: no fold {fold!r}", f"it has: {known}")
    folds, none = np.array(corpus.folds), np.empty(0, dtype=np.int64)
    return Split(np.flatnonzero(folds != fold), none, np.flatnonzero(folds == fold))


def parted(corpus: Corpus, speaker: str = "", fold: str = "") -> Split:
    """Return the corpus's own parts, or the split that leaves out one speaker, one group or one fold, to train by."""
    if speaker and fold:
        raise InputError(f"speaker {speaker!r} and fold {fold!r} are both left out", "choose one")
    if not speaker and not fold:
        return official(corpus)
    return _learnable(corpus, leave_out(corpus, speaker) if speaker else leave_fold_out(corpus, fold))


def holdout(corpus: Corpus, split: Split, fraction: float, seed: int) -> Split:
    """Move ``fraction`` of every class of the training part to the validation part, unless it has clips already.

    The test part stays out of every decision made while training.
    """
    if split.validate.size or not fraction:
        return split
    if not 0 < fraction < 1:
        raise InputError(f"validation fraction {fraction}: not in 0..1")
    random = np.random.default_rng(seed)
    taken = [
        random.permutation(members)[: max(1, round(fraction * members.size))]
        for label in range(len(corpus.classes))
        if (members := split.train[corpus.labels[split.train] == label]).size > 1
    ]
    validate = np.sort(np.concatenate(taken))
    return Split(np.setdiff1d(split.train, validate), validate, split.test)
