"""One style for all pictures: colours come from one place."""

import re
from pathlib import Path

from snn2hw.drawing import SERIES, new_figure, save_figure

ROOT = Path(__file__).parents[2]


def test_axes_share_colours_and_titles_one_size(tmp_path):
    figure, axes = new_figure(6, 3, columns=2, widths=(2, 1))
    for panel in axes:
        lines = [panel.plot([0, 1], [0, i])[0].get_color() for i in range(2)]
        assert lines == list(SERIES[:2])
        assert not panel.spines["top"].get_visible()
        panel.set_title("any", fontsize=20)
    save_figure(figure, tmp_path / "drawn.png")
    assert {panel.title.get_fontsize() for panel in axes} == {10.0}
    left, right = (panel.get_position().width for panel in axes)
    assert left > 1.5 * right


def test_a_figure_is_made_in_one_place_alone():
    """Whoever draws asks `snn2hw.drawing`; benchmarks too."""
    makers = {
        path.relative_to(ROOT).as_posix()
        for tree in ("snn2hw", "benchmarks")
        for path in (ROOT / tree).rglob("*.py")
        if re.search(r"matplotlib\.figure|pyplot", path.read_text(encoding="utf-8"))
    }
    assert makers == {"snn2hw/drawing.py"}
