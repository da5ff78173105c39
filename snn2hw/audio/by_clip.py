"""What a split by speaker cannot test is split by clip: a class that one speaker alone says, or that is the speaker."""

from collections import defaultdict
from collections.abc import Sequence

__all__ = ["TEST_SHARE", "by_clip", "named_few", "untaught"]

TEST_SHARE = 5
"""Every fifth clip of a class, in the order of their names, is for testing; the last one of fewer."""


def untaught(labels: Sequence[str], parts: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the classes of the test part that training lacks, and all classes of the test part.

    >>> untaught(("a", "b"), ("train", "test"))
    ({'b'}, {'b'})
    """
    tested, learnt = (
        {label for label, own in zip(labels, parts, strict=True) if own == part} for part in ("test", "train")
    )
    return tested - learnt, tested


def by_clip(labels: Sequence[str], parts: Sequence[str], names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return parts in which training has every class that is tested, where it can, and a note on what was changed.

    Classes that training lacks are split by clip; where it lacks all that are tested, all classes are.
    """
    lacking, tested = untaught(labels, parts)
    if not lacking or "train" not in parts:
        return list(parts), []
    chosen = set(labels) if lacking == tested else lacking
    members: dict[str, list[int]] = defaultdict(list)
    for at in sorted(range(len(names)), key=lambda at: names[at]):
        members[labels[at]].append(at)
    made = list(parts)
    for label in chosen:
        last = min(TEST_SHARE, len(members[label])) - 1
        for k, at in enumerate(members[label]):
            made[at] = "test" if last and k % TEST_SHARE == last else "train"
    if "test" not in made:
        return list(parts), []
    which = "every class" if lacking == tested else named_few(lacking)
    return made, [f"split by clip, not by speaker, as training lacked classes of the test part: {which}"]


def named_few(names: set[str], most: int = 6) -> str:
    """Return names as a message says them.

    >>> named_few({"a", "b", "c"}, 2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(sorted(names)[:most]) + more
