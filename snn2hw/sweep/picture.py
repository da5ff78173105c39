"""Pictures of a study: each measure along one setting, a line for each value of another."""

from collections.abc import Sequence
from pathlib import Path

from snn2hw.drawing import new_figure, save_figure
from snn2hw.sweep.results import SettingResult
from snn2hw.sweep.study import Study, Value
from snn2hw.sweep.sweep import Swept

__all__ = ["draw_measures"]

WIDTH, HEIGHT = 6.4, 4.0


def draw_measures(swept: Swept, folder: Path) -> list[Path]:
    """Draw a picture of each measure; return their files. Points are settings, a line goes through their means."""
    study = swept.study
    x, lines = study.picture or (study.axes[0].name, None)
    done = [result for result in swept.results if result.error is None]
    return [_draw(study, done, measure.name, (x, lines), folder) for measure in study.measures] if done else []


def _draw(
    study: Study, done: Sequence[SettingResult], measure: str, axes: tuple[str, str | None], folder: Path
) -> Path:
    x, lines = axes
    figure, (plot,) = new_figure(WIDTH, HEIGHT)
    places = _places([result.setting[x] for result in done])
    for value in dict.fromkeys(None if lines is None else result.setting[lines] for result in done):
        of = [r for r in done if lines is None or r.setting[lines] == value]
        points = [(places[r.setting[x]], r.measured[measure]) for r in of]
        means = {at: [y for place, y in points if place == at] for at in sorted({place for place, _ in points})}
        label = None if lines is None else f"{lines} {value}"
        (line,) = plot.plot(list(means), [sum(ys) / len(ys) for ys in means.values()], label=label, linewidth=1)
        plot.plot(*zip(*points, strict=True), "o", color=line.get_color(), markersize=4)
    if any(isinstance(value, str) for value in places):
        plot.set_xticks(list(places.values()), [str(value) for value in places])
    plot.set_xlabel(x)
    plot.set_ylabel(measure)
    plot.set_title(study.title)
    if lines is not None:
        plot.legend(fontsize=8)
    path = folder / f"{measure}.png"
    save_figure(figure, path)
    return path


def _places(values: Sequence[Value]) -> dict[Value, float]:
    """Return where values stand along the picture: numbers where they are, others one after the other."""
    distinct = list(dict.fromkeys(values))
    if any(isinstance(value, str) for value in distinct):
        return {value: float(i) for i, value in enumerate(distinct)}
    return {value: float(value) for value in distinct}
