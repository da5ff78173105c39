"""Write docs/reference anew."""

from pathlib import Path

from benchmarks.pages import PAGES
from sim.files import atomic_write

FOLDER = Path(__file__).parents[2] / "docs" / "reference"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        with atomic_write(FOLDER / f"{name}.md") as temporary:
            temporary.write_text(make(), encoding="utf-8")
