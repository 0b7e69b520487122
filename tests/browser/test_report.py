"""The experiment report in a browser, offline: nothing clipped, nothing over anything else, in light and dark."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from lab.application import answer
from tests.unit.report.made_up import experiment, keep

# Texts of figures that stand outside of their drawing, or on one another.
ILL_PLACED = """() => {
  const found = [];
  for (const svg of document.querySelectorAll('figure svg')) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
    for (const [text, box] of texts)
      if (box.left < frame.left - 1 || box.right > frame.right + 1
          || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        found.push(`outside: ${text}`);
    texts.forEach(([text, a], index) => {
      for (const [other, b] of texts.slice(index + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 2 && down > 3) found.push(`on one another: ${text} | ${other}`);
      }
    });
  }
  return found;
}"""
CLIPPED = """() => [...document.querySelectorAll('th, td, dd, li, p, h1, h2, h3')]
  .filter(each => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline')
  .map(each => each.textContent.trim().slice(0, 60))"""


@pytest.fixture(scope="module")
def report(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    keep(experiment(blocks=8, orders=60), home / "experiments" / "made-up")
    assert answer(["report", "latest", "--home", str(home)]) == 0
    return home / "experiments" / "made-up" / "report" / "report.html"


@pytest.fixture(params=[(1400, "light"), (1400, "dark"), (800, "light"), (800, "dark")], ids=str)
def page(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    width: int
    scheme: Literal["light", "dark"]
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=True, offline=True
    )
    opened = context.new_page()
    opened.goto(report.as_uri())
    yield opened
    context.close()


def test_nothing_is_clipped_and_nothing_stands_on_anything_else(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
    assert page.evaluate(
        "[...document.querySelectorAll('.wide')].every(each => each.scrollWidth <= each.clientWidth)"
    ), "a table is wider than the page"
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(ILL_PLACED) == []
