"""The other simulators: where each lives, how its environment is made, and one run of it in a process of its own.

Nothing that a peer does ends the benchmark: a peer that is not installed, fails or takes too long is a reason in the
place of its rows.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporters.lava.install import INSTALL_COMMAND, STANDALONE, environment_folder

__all__ = ["PEERS", "Peer", "best", "compete", "install", "python_of"]

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).resolve().parent / "peers"
SAME = "the running environment"
FORMS = ("trained", "folded")


@dataclass(frozen=True)
class Peer:
    """One simulator: its script is ``peers/NAME_peer.py``."""

    name: str
    title: str
    environment: str = SAME
    """A folder of the repository, or the environment that the benchmark runs in."""
    requires: tuple[str, ...] = ()
    """What to install into its environment, versions pinned."""
    forms: tuple[str, ...] = FORMS
    batches: tuple[int, ...] = (1, 16, 64, 256)
    share: float = 1.0
    """Of the time that a peer has: less where there is nothing to choose."""
    borrows: bool = False
    """Its environment sees the packages of the running one: torch need not be there twice."""


PEERS = {
    peer.name: peer
    for peer in (
        Peer("norse", "Norse 1.1 LIFCell, LIF"),
        Peer("snntorch", "snnTorch 1.0 Synaptic"),
        Peer("sinabs", "sinabs 3.1 LIF", ".venv-sinabs", ("sinabs==3.1.3", "nir==1.0.4"), borrows=True),
        Peer(
            "spikingjelly", "SpikingJelly 2.0 CUBALIFNode", ".venv-spikingjelly", ("spikingjelly==2.0.0",), borrows=True
        ),
        Peer("lava", "lava-nc 0.10 fixed_pt", ".venv-lava", forms=("sparse-graded", "sparse", "conv"), batches=(1,)),
        Peer(
            "nengo_loihi",
            "nengo-loihi 1.1 emulator",
            ".venv-nengo-loihi",
            ("numpy==1.23.5", "scipy==1.15.3", "nengo==3.2.0", "nengo-loihi==1.1.0", "jinja2"),
            forms=("emulator",),
            batches=(1,),
            share=0.3,
        ),
        Peer(
            "brian2_loihi",
            "brian2-loihi 0.5",
            ".venv-brian2-loihi",
            ("numpy==1.23.5", "brian2==2.5.4", "setuptools<70", "brian2-loihi==0.5.2"),
            forms=("numpy",),
            batches=(1,),
            share=0.3,
        ),
    )
}


def how_to_install(peer: Peer) -> str:
    """Return what to type to have a peer."""
    if peer.name == "lava":
        return INSTALL_COMMAND
    if peer.environment == SAME:
        return 'pip install "snn2hw[test]"'
    return f"python benchmarks/speed.py --install {peer.name}"


def python_of(peer: Peer) -> Path:
    """Return the interpreter of a peer, which need not exist."""
    if peer.environment == SAME:
        return Path(sys.executable)
    return (environment_folder() if peer.name == "lava" else ROOT / peer.environment) / "bin" / "python"


def compete(
    peer: Peer,
    task: Path,
    seconds: float,
    *,
    limit: float | None = None,
    forms: tuple[str, ...] | None = None,
    batches: tuple[int, ...] | None = None,
) -> dict[str, Any]:
    """Run a peer on a task for so many seconds of measuring, and at most ``limit`` seconds in all.

    Returns its rows, and why there are none or fewer: ``{"rows": [...], "reason": None | text}``.
    """
    python = python_of(peer)
    if not python.exists():
        return {"rows": [], "reason": f"not installed; type: {how_to_install(peer)}"}
    listed = [",".join(map(str, chosen)) for chosen in (batches or peer.batches, forms or peer.forms)]
    command = [str(python), str(SCRIPTS / f"{peer.name}_peer.py"), str(task), str(seconds), *listed]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": str(STANDALONE)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, errors = process.communicate(timeout=limit)
        reason = None if process.returncode == 0 else _last_line(errors) or f"exit code {process.returncode}"
        if reason is not None and reason.startswith("ModuleNotFoundError"):
            reason += f"; type: {how_to_install(peer)}"
    except subprocess.TimeoutExpired:
        reason = f"stopped after {limit:g} s"
        _end(process)
        said, _ = process.communicate()
    finally:
        _end(process)
    rows = _rows(said)
    return {"rows": rows, "reason": reason or (None if rows else "it measured nothing")}


def _end(process: subprocess.Popen[str]) -> None:
    """End a peer and everything that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def best(answer: dict[str, Any], *forms: str) -> dict[str, Any] | None:
    """Return the fastest row of the forms named, of all forms where none is."""
    rows = [row for row in answer["rows"] if not forms or row["form"] in forms]
    return min(rows, key=lambda row: float(row["seconds_per_sample"]), default=None)


def install(peer: Peer) -> None:
    """Make the environment of a peer."""
    if not peer.requires:
        return
    folder = ROOT / peer.environment
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python_of(peer)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if peer.borrows:
        import numpy as np

        own = next(folder.glob("lib/python*/site-packages"))
        (own / "borrowed.pth").write_text(f"{Path(np.__file__).parents[1]}\n", encoding="utf-8")
        pip.append("--no-deps")
    subprocess.run([*pip, *peer.requires], check=True)


def _rows(said: str) -> list[dict[str, Any]]:
    """Return what the last whole line says."""
    for line in reversed(said.splitlines()):
        try:
            rows = json.loads(line)
        except ValueError:
            continue
        if isinstance(rows, list):
            return rows
    return []


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
