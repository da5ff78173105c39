"""A small corpus that can be learnt: tones of two pitches in a table, for every training that reads sounds."""

from pathlib import Path

import numpy as np
import soundfile

from snn2hw.commands import main

__all__ = ["trained", "write_tones"]


def write_tones(root: Path, count: int = 40, rate_hz: int = 16000, samples: int = 12000) -> Path:
    """Write low and high tones by turns, every fifth for testing, and return their table."""
    lines = ["path,label,part"]
    random = np.random.default_rng(0)
    root.mkdir(exist_ok=True)
    for k in range(count):
        pitch = (400, 1500)[k % 2]
        t = np.arange(samples) / rate_hz
        tone = np.sin(2 * np.pi * pitch * random.uniform(0.9, 1.1) * t) * 0.3 + random.normal(0, 0.01, t.size)
        soundfile.write(root / f"{k}.wav", tone, rate_hz)
        lines.append(f"{k}.wav,{'low' if k % 2 == 0 else 'high'},{'test' if k % 5 == 4 else 'train'}")
    (root / "list.csv").write_text("\n".join(lines))
    return root / "list.csv"


def trained(tmp_path: Path, *options: str) -> int:
    """Train on two tones by the command, and return its exit code."""
    if not (tmp_path / "data").exists():
        write_tones(tmp_path / "data")
    where = ["--data", str(tmp_path / "data" / "list.csv"), "-o", str(tmp_path / "run")]
    return main(["train", "folder", "--stream", *where, "--batch", "16", *options])
