"""Pages on a phone: no table is cut at the edge; what is wider than its box is stacked, or told to go on."""

import pytest

pytestmark = pytest.mark.full

BEYOND = """
((edge) => {
  const boxed = (e) => {
    const box = e.parentElement.closest(".scroll");
    return box && getComputedStyle(box).overflowX === "auto";
  };
  return [...document.querySelectorAll("body *")].filter((e) => {
    const { left, right, width } = e.getBoundingClientRect();
    return width && (left < -0.5 || right > edge + 0.5) && !e.closest(".hidden, .skip") && !boxed(e);
  }).map((e) => `${e.tagName} ${e.id} ${e.textContent.slice(0, 40)}`);
})
"""
"""What reaches beyond an edge, as far as the phone is wide (a page may widen its window), outside a scrolling box."""
CUT = """
[...document.querySelectorAll(".scroll")].filter((box) => {
  const told = box.tabIndex === 0 && getComputedStyle(box).backgroundImage.includes("gradient");
  return box.scrollWidth > box.clientWidth && (box.querySelector("table.stack") || !told);
}).map((box) => `${box.getAttribute("aria-label")}: ${box.scrollWidth} in ${box.clientWidth}`)
"""
"""Tables wider than their box that were to be stacked, or that no key reaches and no shadow tells to go on."""
UNFOLD = "document.querySelectorAll('details').forEach((d) => { d.open = true; })"


@pytest.mark.parametrize("width", [390, 360])
def test_no_table_is_cut_at_the_edge_of_a_phone(page, any_report, width):
    page.size(width)
    page.open(any_report.page)
    page.ask(UNFOLD)
    page.wait("[...document.querySelectorAll('.chart details')].every((d) => d.querySelector('tbody tr td'))")
    assert page.ask(f"({BEYOND})({width})") == []
    assert page.ask(CUT) == []
    assert page.ask("document.documentElement.scrollWidth") <= width


def test_a_table_that_is_cut_is_found_out(page, whole_report):
    page.size(360)
    page.open(whole_report.page)
    page.ask(UNFOLD)
    unstack = """document.getElementById("energy.tables").querySelectorAll("tr, td").forEach((e) => {
      e.style.display = "revert";
      e.style.whiteSpace = "nowrap";
    })"""
    page.ask(unstack)
    assert [line.partition(":")[0] for line in page.ask(CUT)] == ["Estimated energy by price table"]
    page.ask("document.querySelectorAll('.scroll').forEach((e) => { e.style.overflow = 'visible'; })")
    assert page.ask(f"({BEYOND})(360)")
