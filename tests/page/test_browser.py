"""Pages in a real browser: every chart is drawn, in every theme and width, and one whose data are missing is told."""

import json
import re
import struct
from pathlib import Path

import pytest

from snn2hw.page.wording import written

pytestmark = pytest.mark.full

FAILING = """
[...document.querySelectorAll("figure[data-chart]")].filter((figure) => {
  if (figure.dataset.state !== "drawn" || !(Number(figure.dataset.marks) > 0)) return true;
  const canvases = [...figure.querySelectorAll("canvas")];
  const shapes = figure.querySelectorAll(".plot svg :is(rect, circle, path):not([fill=transparent])");
  const blank = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size < 2;
  };
  return canvases.length ? canvases.some(blank) : !shapes.length;
}).map((figure) => figure.dataset.chart)
"""
"""The charts of a page that are not there to be seen: not drawn, or drawn without anything in them."""

CHARTS = (
    "accuracy.intervals",
    "resources.layers",
    "resources.cores",
    "latency.layers",
    "energy.bands",
    "energy.parts",
    "activity.rates",
    "activity.spikes",
    "activity.membranes",
    "activity.time",
    "activity.distribution",
    "quantisation.weights",
    "quantisation.ranges",
    "quantisation.agreement",
    "graph.wiring",
    *(f"examples.{what}.{i}" for i in range(4) for what in ("picture", "scores")),
)
"""All of a whole report."""
ELSEWHERE = {"resources.chip": "xylo_report"}
"""Charts that take the place of another's, and a report that has them."""


@pytest.fixture
def shown(page, whole_report):
    """The whole report, open in a wide light window."""
    page.size(1280)
    page.theme("light")
    page.open(whole_report.page)
    return page


def _without(page_path: Path, chart: str, to: Path) -> Path:
    """Write a page again without the data of one chart."""
    text = page_path.read_text()
    before, middle, after = re.split(r'(?<=id="dossier">)(.*?)(?=</script>)', text, maxsplit=1, flags=re.DOTALL)
    found = json.loads(middle)
    for section in found["sections"]:
        charts = [*section["charts"], *(e[w] for e in section["examples"] for w in ("picture", "scores"))]
        for spec in charts:
            if spec["id"] == chart:
                for data in {"marks", "views", "nodes"} & spec.keys():
                    spec[data] = []
    to.write_text(before + json.dumps(found).replace("<", "\\u003c") + after)
    return to


def test_a_whole_report_has_all_charts(shown):
    assert tuple(shown.ask("[...document.querySelectorAll('[data-chart]')].map((f) => f.dataset.chart)")) == CHARTS


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_every_chart_of_every_report_is_drawn_and_the_console_is_empty(page, any_report, theme, width):
    page.size(width)
    page.theme(theme)
    page.open(any_report.page)
    assert page.ask(FAILING) == []
    assert page.ask("document.documentElement.dataset.theme") == theme
    assert page.console == []
    assert page.ask("document.documentElement.scrollWidth") <= width


def test_a_page_asks_for_nothing_but_itself(shown, whole_report):
    elsewhere = [url for url in shown.requests if not url.startswith("data:")]
    assert elsewhere == [whole_report.page.as_uri()]


def test_every_chart_that_a_report_may_hold_is_judged_without_its_data(any_report):
    """A kind of report with a chart of its own has to be named where charts lose their data."""
    held = {chart.id for chart in any_report.dossier.charts()}
    assert held <= {*CHARTS, *ELSEWHERE}


@pytest.mark.parametrize("chart", [*CHARTS, *ELSEWHERE])
def test_a_chart_whose_data_are_missing_is_found_out(page, chart, tmp_path, request):
    report = request.getfixturevalue(ELSEWHERE.get(chart, "whole_report"))
    page.size(1280)
    page.theme("light")
    page.open(_without(report.page, chart, tmp_path / "page.html"))
    assert page.ask(FAILING) == [chart]
    assert page.ask(f"document.querySelector('[data-chart=\"{chart}\"] .failed').textContent")
    assert [line.partition(":")[0] for line in page.console] == [f"chart {chart}"]


def test_a_chart_that_is_not_in_the_dossier_at_all_is_found_out(page, whole_report, tmp_path):
    text = whole_report.page.read_text().replace('"id":"graph.wiring"', '"id":"graph.other"')
    (tmp_path / "page.html").write_text(text)
    page.open(tmp_path / "page.html")
    assert page.ask(FAILING) == ["graph.wiring"]


def _pixels(page, chart):
    return page.ask(f"document.querySelector('[data-chart=\"{chart}\"] canvas').toDataURL()")


@pytest.mark.parametrize("key", ["layer", "sample"])
@pytest.mark.parametrize("chart", ["activity.spikes", "activity.membranes"])
def test_choosing_another_layer_or_sample_draws_another_picture(shown, chart, key):
    before = _pixels(shown, chart)
    choose = f"""(() => {{
      const select = document.querySelector('[data-chart="{chart}"] select[data-key="{key}"]');
      select.value = select.options[select.options.length - 1].value;
      select.dispatchEvent(new Event("change"));
      const again = document.querySelector('[data-chart="{chart}"] select[data-key="{key}"]');
      return [again.value, select.value, document.activeElement === again];
    }})()"""
    kept, wanted, focused = shown.ask(choose)
    assert kept == wanted
    assert focused
    assert _pixels(shown, chart) != before
    assert shown.ask(FAILING) == []


def test_search_and_pick_leave_the_rows_that_fit(shown):
    rows = "[...document.getElementById('energy.prices').querySelectorAll('tbody tr')]"
    whole = shown.ask(f"{rows}.length")
    act = """(() => {
      const holder = document.getElementById("energy.prices");
      const [select, search] = [holder.querySelector("select"), holder.querySelector("input")];
      const shown = () => [...holder.querySelectorAll("tbody tr")].filter((row) => !row.hidden);
      select.value = "cmos45_int8";
      select.dispatchEvent(new Event("change"));
      const picked = shown().map((row) => row.children[0].textContent);
      search.value = "ACCUMULATE";
      search.dispatchEvent(new Event("input"));
      const found = shown().map((row) => row.textContent.toLowerCase());
      const said = holder.querySelector("[role=status]").textContent;
      select.value = "";
      search.value = "";
      search.dispatchEvent(new Event("input"));
      return [picked, found, said, shown().length];
    })()"""
    picked, found, said, again = shown.ask(act)
    assert set(picked) == {"cmos45_int8"}
    assert found
    assert len(found) < len(picked)
    assert all("accumulate" in row and "cmos45_int8" in row for row in found)
    assert said == f"{len(found)} of {whole} rows"
    assert again == whole


def test_every_chart_has_its_numbers_as_a_table(shown):
    shown.ask("document.querySelectorAll('.chart details').forEach((d) => { d.open = true; })")
    shown.wait("[...document.querySelectorAll('.chart details')].every((d) => d.querySelector('tbody tr td'))")
    assert shown.ask("document.querySelectorAll('.chart details table').length") == len(CHARTS)


def test_steps_are_zoomed_by_keys_and_by_buttons(shown):
    area = "document.querySelector('[data-chart=\"activity.membranes\"] .steps')"
    span = f"(({area}).chart.scales.x.max - ({area}).chart.scales.x.min)"
    whole = shown.ask(span)
    shown.ask(f"{area}.focus()")
    shown.press("+", text="+")
    shown.wait(f"{span} < {whole}")
    shown.press("0", text="0")
    shown.wait(f"{span} === {whole}")
    shown.ask('document.querySelector(\'[data-chart="activity.membranes"] [data-zoom="Zoom in"]\').click()')
    shown.wait(f"{span} < {whole}")
    shown.press("ArrowRight")
    assert "step 0" in shown.ask("document.getElementById('tip').textContent")
    shown.press("Escape")
    shown.wait(f"{span} === {whole}")


def test_steps_are_zoomed_by_dragging_and_whole_again_by_a_double_click(shown):
    area = "document.querySelector('[data-chart=\"activity.spikes\"] .steps')"
    span = f"(({area}).chart.scales.x.max - ({area}).chart.scales.x.min)"
    whole = shown.ask(span)
    shown.ask(f"{area}.scrollIntoView({{ block: 'center', behavior: 'instant' }})")
    x, y, width = shown.ask(f"(({{ x, y, width }}) => [x, y, width])({area}.chart.over.getBoundingClientRect())")
    for kind, share in (("mousePressed", 0.25), ("mouseMoved", 0.5), ("mouseReleased", 0.5)):
        shown.mouse(kind, x + share * width, y + 50)
    shown.wait(f"{span} < {whole} / 3")
    before = _pixels(shown, "activity.spikes")
    for clicks in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            shown.mouse(kind, x + width / 2, y + 50, clicks)
    shown.wait(f"{span} === {whole}")
    assert _pixels(shown, "activity.spikes") != before


def test_keys_walk_over_the_marks_and_say_them(shown):
    shown.ask("document.querySelector('[data-chart=\"energy.bands\"] svg').focus()")
    said = []
    for _ in range(3):
        shown.press("ArrowDown")
        said.append(shown.ask("document.getElementById('tip').textContent"))
    assert len(set(said)) == 3
    assert all(" to " in text and "J" in text for text in said)
    shown.press("Escape")
    assert shown.ask("document.getElementById('tip').hidden")


def test_the_tab_key_goes_through_the_page_in_the_order_of_reading(shown):
    assert shown.ask('document.querySelectorAll(\'[tabindex]:not([tabindex="0"]):not([tabindex="-1"])\').length') == 0
    reached = []
    for _ in range(80):
        shown.press("Tab", code=9)
        reached.append(
            shown.ask(
                "(() => { const e = document.activeElement; const all = [...document.querySelectorAll('*')];"
                " return [all.indexOf(e), e.className.baseVal ?? e.className, e.id, e.tagName,"
                " e.closest('[data-chart]')?.dataset.chart ?? '']; })()"
            )
        )
    places = [place for place, *_ in reached]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert reached[0][1] == "skip"
    assert reached[1][2] == "theme"
    assert {"accuracy.intervals", "resources.layers", "energy.bands"} <= {chart for *_, chart in reached}


def test_what_has_the_focus_is_seen(shown):
    shown.press("Tab", code=9)
    shown.press("Tab", code=9)
    style = shown.ask(
        "(() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]; })()"
    )
    assert style[0] == "solid"
    assert float(style[1].removesuffix("px")) >= 2


def test_the_theme_is_the_systems_until_somebody_chooses(shown):
    before = _pixels(shown, "activity.spikes")
    shown.theme("dark")
    shown.wait("document.documentElement.dataset.theme === 'dark'")
    assert _pixels(shown, "activity.spikes") != before
    shown.ask("document.getElementById('theme').click()")
    assert shown.ask("document.documentElement.dataset.theme") == "light"
    assert shown.ask("document.getElementById('theme').textContent") == "Theme: light"
    shown.ask("document.getElementById('theme').click()")
    assert shown.ask("document.documentElement.dataset.theme") == "dark"


CONTRAST = """
(() => {
  const light = (rgb) => rgb.map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour) && colour !== "transparent") return rgb(colour);
    }
    return [255, 255, 255];
  };
  const poor = [];
  const texts = "p, li, td, th, h1, h2, h3, summary, .word, .why, .ask, .badge, figcaption, button, a";
  for (const e of document.querySelectorAll(texts)) {
    if (!e.textContent.trim() || !e.getClientRects().length) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(`${e.tagName} ${e.className}: ${e.textContent.slice(0, 40)}`);
  }
  return [...new Set(poor)];
})()
"""
"""Texts whose contrast is below 4.5 to 1."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(page, whole_report, theme):
    page.size(1280)
    page.theme(theme)
    page.open(whole_report.page)
    assert page.ask(CONTRAST) == []


NAMELESS = """
[...document.querySelectorAll("button, select, input, audio, svg[role], canvas[role], [role=region], .steps")]
  .filter((e) => ![e.getAttribute("aria-label"), e.textContent, e.closest("label")?.textContent,
    document.getElementById(e.getAttribute("aria-labelledby"))?.textContent].some((text) => text?.trim()))
  .map((e) => e.outerHTML.slice(0, 80))
"""


def test_everything_to_operate_has_a_name(shown):
    nameless = shown.ask(NAMELESS)
    assert nameless == []
    assert shown.ask("[...document.querySelectorAll('h1, h2, h3')].map((h) => h.tagName).slice(0, 2)") == ["H1", "H2"]
    assert shown.ask("document.documentElement.lang") == "en"


def test_it_is_printed_light_and_within_the_paper(page, whole_report, tmp_path):
    page.size(1280)
    page.theme("dark")
    page.open(whole_report.page)
    page.print(tmp_path / "page.pdf")
    pages = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "page.pdf").read_bytes()))
    assert 3 <= pages <= 40
    assert page.ask("document.documentElement.dataset.theme") == "dark"
    page.ask("window.dispatchEvent(new Event('beforeprint'))")
    assert page.ask("document.documentElement.dataset.theme") == "light"
    widest = (
        "Math.max(...[...document.querySelectorAll('.plot > *, .uplot')].map((e) => e.getBoundingClientRect().width))"
    )
    assert page.ask(widest) <= 700
    assert page.ask(FAILING) == []


def test_a_sound_can_be_played(page, tmp_path_factory):
    import numpy as np
    import soundfile

    from snn2hw.commands import main

    folder = tmp_path_factory.mktemp("sound")
    soundfile.write(folder / "zero_a.wav", np.sin(np.arange(6000) / 4) / 2, 8000)
    assert main(["report", "zoo:digits", str(folder / "zero_a.wav"), "-o", str(folder / "r.html")]) == 0
    page.open(folder / "r.html")
    assert page.ask(FAILING) == []
    ask = """new Promise((done) => {
      const player = document.querySelector("audio[data-sound]");
      player.preload = "auto";
      player.addEventListener("loadedmetadata", () => done(player.duration));
      player.addEventListener("error", () => done(`error ${player.error.code}`));
      player.load();
    })"""
    assert page.ask(ask) == pytest.approx(0.75)
    assert page.console == []


def test_the_page_writes_numbers_as_the_tables_do(shown):
    values = [0, 1, 0.5, 0.99999, 1.548, 0.00042, 12345, 2.6463e-4, 1.1695e7, 3.2e-9, 77.26, 0.0123]
    for form in ("percent", "count", "seconds", "energy", "number"):
        said = shown.ask(f"{json.dumps(values)}.map((v) => Report.written(v, '{form}'))")
        assert said == [written(value, form) for value in values], form


def test_a_screenshot_is_of_the_page(shown, tmp_path):
    shown.photograph(tmp_path / "page.png", whole=False)
    assert struct.unpack(">II", (tmp_path / "page.png").read_bytes()[16:24])[0] == 1280
