"""The workshop's slides in a browser, offline: every one fits, nothing lies on anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from lab.application import answer
from tests.browser.accessible import COLOURS, serious_problems

OVERFLOWING = """() => [...document.querySelectorAll('section.now')]
  .filter(each => each.scrollHeight > each.clientHeight || each.scrollWidth > each.clientWidth)
  .map(each => each.id)"""
UNDER_THE_BUTTONS = """() => {
  const nav = document.querySelector('nav').getBoundingClientRect();
  return [...document.querySelectorAll('section.now :is(h1, h2, p, li, pre, td)')].filter(each => {
    const range = document.createRange();
    range.selectNodeContents(each);
    return [...range.getClientRects()].some(
      box => box.right > nav.left && box.bottom > nav.top && box.top < nav.bottom);
  }).map(each => each.textContent.slice(0, 40));
}"""


@pytest.fixture(scope="module")
def deck(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("slides") / "slides.html"
    assert answer(["workshop", "slides", str(file)]) == 0
    return file


@pytest.fixture(params=[(1400, 900), (1024, 768), (800, 600)], ids=str)
def page(browser: Browser, deck: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    opened = context.new_page()
    opened.goto(deck.as_uri())
    yield opened
    context.close()


def test_every_slide_fits_and_keeps_clear_of_the_buttons(page: Page) -> None:
    slides = page.locator("section").count()
    for number in range(1, slides + 1):
        expect(page.locator("#place")).to_have_text(f"{number} / {slides}")
        assert page.evaluate(OVERFLOWING) == []
        assert page.evaluate(UNDER_THE_BUTTONS) == [], f"slide {number}"
        page.keyboard.press("ArrowRight")
    expect(page.locator("#place")).to_have_text(f"{slides} / {slides}")


def test_slides_are_turned_by_clicks_and_remembered_by_the_address(page: Page, deck: Path) -> None:
    page.get_by_role("button", name="on →").click()
    page.get_by_role("button", name="on →").click()
    page.get_by_role("button", name="← back").click()
    expect(page.locator("section.now")).to_have_id("s2")
    assert page.url.endswith("#s2")
    page.reload()
    expect(page.locator("section.now")).to_have_id("s2")
    page.keyboard.press("d")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_slides_can_be_read_by_machines_and_in_the_dark(page: Page) -> None:
    for number in range(1, 5):
        assert serious_problems(page) == [], f"slide {number}"
        page.keyboard.press("d")
        assert serious_problems(page, COLOURS) == [], f"slide {number}, the other shade"
        page.keyboard.press("ArrowRight")
