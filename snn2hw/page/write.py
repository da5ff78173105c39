"""The report as two files: a page that needs nothing else, and the same dossier as JSON beside it."""

import json
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError
from sim.files import check_output, write_bytes
from snn2hw.page.compose import dossier_of
from snn2hw.page.dossier import Dossier
from snn2hw.page.lying import kind_of
from snn2hw.page.material import Material
from snn2hw.page.render import page_of

__all__ = ["MOST_BYTES", "Written", "check_report", "write_report"]


@dataclass(frozen=True)
class Written:
    """What was written, and where."""

    dossier: Dossier
    page: Path
    json: Path


MOST_BYTES = 3_000_000
"""A page larger than this is refused: it could not be sent around."""


def check_report(path: Path | str) -> tuple[Path, Path]:
    """Return where page and JSON are written, or refuse the name."""
    page = Path(path)
    if page.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: is no name of a page", "write -o REPORT.html")
    beside = page.with_suffix(".json")
    if beside.exists() and kind_of(beside) is not None:
        raise InputError(
            f"{beside}: what the JSON beside the page would replace is not a report", "name the page otherwise"
        )
    check_output(page)
    check_output(beside)
    return page, beside


def write_report(material: Material, path: Path | str) -> Written:
    """Write the page of a program to ``path`` and its dossier to the same name with ``.json``."""
    page, beside = check_report(path)
    dossier = dossier_of(material)
    text = page_of(dossier).encode("utf-8")
    if len(text) > MOST_BYTES:
        what = f"{path}: the page would have {len(text):,} bytes, at most {MOST_BYTES:,} are written"
        raise InputError(what, "report on fewer layers, or without sounds")
    write_bytes(beside, (json.dumps(dossier.to_json(), indent=1, allow_nan=False) + "\n").encode("utf-8"))
    write_bytes(page, text)
    return Written(dossier, page, beside)
