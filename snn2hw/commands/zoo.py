"""List the trained programs that come with the package; zoo:NAME stands for one wherever a program is taken.

snn2hw zoo
snn2hw listen zoo:keywords word.wav
"""

import argparse
from typing import Any

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]

SHOWN = "cmos45_int8_memory"
"""The table of prices that the list shows: the one that counts memory, on both sides."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """List the cards."""
    from tabulate import tabulate

    from snn2hw.zoo import PREFIX, cards

    found = cards()
    reply.fact(zoo=found)
    rows = [
        (
            f"{PREFIX}{card['name']}",
            len(card["classes"]) or "masks",
            _said(card, "float"),
            _said(card, "integer"),
            _costs(card),
            card["data"]["name"],
        )
        for card in found
    ]
    headers = ("program", "classes", "float", "integer, 8 bit", "uJ a second, its twin's", "judged on")
    reply.line(tabulate(rows, headers=headers, disable_numparse=True))
    reply.line(
        f"\nuJ a second under {SHOWN}, where both skip zeros: estimated; of the twin by shape from all of its hidden "
        "\nactivations zero to none of them. snn2hw zoo --json has the cards: licence, attribution, split, every table,"
        "\ndigest, and the command that made each."
    )
    return 0


def _costs(card: dict[str, Any]) -> str:
    """Return what a second costs beside the twin by shape."""
    if "energy" not in card:
        return "not priced"
    row = next(row for row in card["energy"]["nj_per_second"] if (row["table"], row["rule"]) == (SHOWN, "skipping"))
    low, high = (end / 1000 for end in row["twin"])
    return f"{row['snn'] / 1000:.1f}, {low:.1f} to {high:.1f}"


def _said(card: dict[str, Any], kind: str) -> str:
    if "gain_db" in card:
        gains = card["gain_db"]["test"].get(kind, {})
        return ", ".join(f"{gain:+.1f} dB at {at} dB" for at, gain in list(gains.items())[:3])
    facts = card["accuracy"]["test"][kind]
    low, high = facts["interval_95"]
    return f"{facts['accuracy']:.1%} ({low:.1%} to {high:.1%}, n {facts['clips']})"
