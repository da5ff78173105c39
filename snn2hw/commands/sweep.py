"""Run a study: the same commands under many settings, each once, with a table and pictures of what they measured.

snn2hw sweep bits.toml -o out/bits                     on every core of this machine
snn2hw sweep bits.toml -o out/bits --scheduler tcp://127.0.0.1:8786

Started again, also after a kill, it goes on where it was: what is done is not done again. Exit code 1: a setting
failed.
"""

import argparse
from typing import TYPE_CHECKING

from snn2hw.commands.many import check_many, cluster_of, scheduler_option
from snn2hw.commands.options import at_least
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from snn2hw.cluster.client import Cluster
    from snn2hw.sweep.study import Study
    from snn2hw.sweep.sweep import Swept
    from snn2hw.sweep.team import Team

__all__ = ["check_study", "configure", "execute"]

NEVER = frozenset({"sweep", "cluster", "fuzz", "install", "install-lava", "completion", "help"})
"""Commands that no study is made of."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("study", metavar="STUDY.toml", help="what is tried and measured")
    parser.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="workers; no more work at once than there are cores (default: as many)",
    )
    scheduler_option(parser)
    parser.add_argument("--no-pictures", action="store_true", help="write tables alone")
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where results are kept and looked for")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Run the study."""
    from sim.files import check_folder
    from snn2hw.commands import COMMANDS
    from snn2hw.commands.progress import progress_bar
    from snn2hw.sweep.study import read_study
    from snn2hw.sweep.sweep import sweep

    at_least(1, "--processes", args.processes)
    check_many(args)
    study = read_study(args.study, [verb for verb in COMMANDS if verb not in NEVER])
    check_study(study, args.study)
    check_folder(args.output)
    search = study.search
    with cluster_of(args) as cluster, progress_bar(search.trials or None, search.method, "setting") as progress:
        swept = sweep(study, args.output, _team(args, study, cluster), on_result=lambda _: progress(1))
    _tell(swept, args, reply)
    return 1 if any(result.error is not None for result in swept.results) else 0


def check_study(study: "Study", where: str) -> None:
    """Hold the commands of a study against their parsers, with every value of every list."""
    from pathlib import Path

    from sim.errors import InputError
    from snn2hw.commands import parser_of
    from snn2hw.sweep.search import corners

    parsers = {words[0]: parser_of(words[0])[0] for words in study.commands}
    folder = Path(where).absolute().parent
    for setting in corners(study):
        for verb, *words in study.call(setting).words(folder / "out", folder):
            try:
                parsers[verb].refuse_unknown(words)
                parsers[verb].parse_args(words)
            except InputError as error:
                raise InputError(f"{where}: {verb}: {error.what}", error.fix) from None


def _team(args: argparse.Namespace, study: "Study", cluster: "Cluster | None") -> "Team":
    from sim.cores import cores_here
    from snn2hw.sweep.team import ProcessTeam, TeamThere

    if cluster is not None:
        return TeamThere(cluster, study.inputs)
    return ProcessTeam(args.processes or cores_here(), study.inputs)


def _tell(swept: "Swept", args: argparse.Namespace, reply: Reply) -> None:
    from pathlib import Path

    from sim.errors import MissingToolError
    from snn2hw.sweep.picture import draw_measures
    from snn2hw.sweep.table import best_of, sweep_document, table_text, write_tables

    reply.fact(**sweep_document(swept), ran=swept.ran)
    reply.line(table_text(swept))
    found = len(swept.results) - swept.ran
    reply.line(f"{len(swept.results)} settings: {swept.ran} tried now, {found} found done")
    best = best_of(swept)
    if best is not None:
        said = ", ".join(f"{name} {value}" for name, value in best.setting.items())
        objective = swept.study.search.objective
        reply.line(f"best {objective}: {best.measured[objective]:.6g} with {said}")
    for path in write_tables(swept, Path(args.output)):
        reply.wrote(path)
    if not args.no_pictures:
        try:
            for path in draw_measures(swept, Path(args.output)):
                reply.wrote(path)
        except MissingToolError as error:
            reply.line(f"no pictures: {error}")
