"""List the trained programs that come with the package; zoo:NAME stands for one wherever a program is taken.

snn2hw zoo
snn2hw listen zoo:keywords word.wav
"""

import argparse
from typing import Any

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


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
            card["data"]["name"],
        )
        for card in found
    ]
    headers = ("program", "classes", "float", "integer, 8 bit", "judged on")
    reply.line(tabulate(rows, headers=headers, disable_numparse=True))
    reply.line(
        "\nsnn2hw zoo --json has the cards: licence, attribution, split, digest, and the command that made each."
    )
    return 0


def _said(card: dict[str, Any], kind: str) -> str:
    if "gain_db" in card:
        gains = card["gain_db"]["test"].get(kind, {})
        return ", ".join(f"{gain:+.1f} dB at {at} dB" for at, gain in list(gains.items())[:3])
    facts = card["accuracy"]["test"][kind]
    low, high = facts["interval_95"]
    return f"{facts['accuracy']:.1%} ({low:.1%} to {high:.1%}, n {facts['clips']})"
