"""A small corpus that can be learnt: tones of two pitches in a table, for every training that reads sounds."""

from pathlib import Path

import numpy as np
import soundfile

__all__ = ["write_tones"]


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
