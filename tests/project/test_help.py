"""`snn2hw help` says what is true of this version: its topics are made from what the code holds."""

import pytest

from snn2hw.commands import COMMANDS, main
from snn2hw.commands.help import TOPICS


def _said(capsys, *words):
    assert main(["help", *words]) == 0
    return capsys.readouterr().out


def test_without_a_word_it_lists_the_topics(capsys):
    assert [line.split()[0] for line in _said(capsys).splitlines()] == list(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_fits_a_screen_and_says_something(capsys, topic):
    lines = _said(capsys, topic).splitlines()
    assert 3 <= len(lines) <= 40


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_command_is_explained_as_by_its_own_help(capsys, verb):
    said = _said(capsys, verb)
    assert main([verb, "--help"]) == 0
    assert capsys.readouterr().out == said


def test_what_is_listed_is_what_there_is(capsys):
    from exporters.registry import EXPORTERS
    from sim.arithmetic.registry import ARITHMETICS
    from snn2hw.chips.target import TARGETS
    from snn2hw.costs.price_files import TABLES
    from snn2hw.sources.from_nir.dialects import DIALECTS
    from snn2hw.verification import EXECUTORS

    listed = {
        "targets": TARGETS,
        "exporters": EXPORTERS,
        "executors": EXECUTORS,
        "dialects": DIALECTS,
        "prices": TABLES,
    }
    for topic, names in listed.items():
        words = {line.split()[0] for line in _said(capsys, topic).splitlines() if line.strip()}
        assert set(names) <= words
    said = _said(capsys, "arithmetic")
    assert all(f"{name}: states" in said for name in ARITHMETICS)


def test_a_topic_that_does_not_exist_is_refused_with_the_nearest(capsys):
    assert main(["help", "tragets"]) == 2
    assert "did you mean 'targets'" in capsys.readouterr().err
