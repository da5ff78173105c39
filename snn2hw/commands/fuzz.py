"""Look for mistakes: random programs through every executor, damaged files through every reader.

  snn2hw fuzz --seconds 60 -o FOUND/
  snn2hw fuzz --seconds 600 --seed 7 --only files -o FOUND/ --json
  snn2hw fuzz --seconds 3600 --resume -o FOUND/
  snn2hw fuzz --seconds 600 --only programs --against reference,c-at-once -o FOUND/

Cases run in a process of their own, with limits on time and memory. One that fails is made as small as it can be and
written down. Exit code 0: nothing was found. 1: something was, and FOUND/findings.json says what.
"""

import argparse
from pathlib import Path

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--seconds", type=float, default=60.0, metavar="N", help="how long to look (default: 60)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn at random (default: 0)")
    parser.add_argument("--only", default="programs,files", metavar="A,B", help="which (default: programs,files)")
    parser.add_argument(
        "--against", metavar="A,B", help="executors that every program meets (default: all engines and onnx, if there)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from what FOUND holds (default: begin anew)")
    parser.add_argument("-o", "--output", type=Path, metavar="FOUND", help="folder for the cases that fail")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Look."""
    from tabulate import tabulate

    from snn2hw.commands.progress import progress_bar
    from snn2hw.fuzz.campaign import fuzz

    with progress_bar(None, "fuzz", "case") as progress:
        campaign = fuzz(
            args.seconds,
            seed=args.seed,
            what=_words(args.only),
            executors=_words(args.against or ""),
            folder=args.output,
            resume=args.resume,
            progress=progress,
        )
    reply.fact(**campaign.to_json())
    rows = [(subject, outcome, count) for (subject, outcome), count in sorted(campaign.tried.items())]
    reply.line(tabulate(rows, ["what", "outcome", "cases"], disable_numparse=True))
    for found in campaign.findings:
        reply.line(f"{found.subject}: {found.outcome.kind}: {found.outcome.error}")
    reply.line(f"{sum(campaign.tried.values())} cases, {len(campaign.findings)} findings, seed {campaign.seed}")
    return 1 if campaign.findings else 0


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
