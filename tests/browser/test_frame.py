"""What holds for every page: it opens without an error, can be read by machines, and fits 800 pixels."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.accessible import COLOURS, serious_problems
from tests.browser.conftest import ConsoleLab, until

# Each with what is there once it has heard from the lanes.
PAGES = {
    "/": ".lane-orchestration [data-process]",
    "/orders": "table.plain tbody tr",
    "/orders/plain-1": "table.story tbody tr",
    "/executions": "table.plain tbody tr",
    "/executions/plain-1": ".graph .node",
    "/studio": ".graph .node",
    "/events": "table.plain tbody tr",
    "/events?view=causes&order=plain-1": "ul.tree.root li",
    "/events?view=letters": ".fields .card, [role=status]",
    "/events?view=archive": "button",
    "/events?view=catalogue": "details.card",
    "/approvals": "[data-order]",
    "/experiments": "pre.output",
    "/figures": "canvas",
}
NARROW = 800

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def some_orders(console_lab: ConsoleLab) -> None:
    console_lab.lab("order", "--id=plain-1", "--wait")
    console_lab.lab("order", "--id=dear-1", "--large")


def settled(page: Page, drawn: str) -> None:
    """Connected, and everything drawn that comes with the first look at the lanes."""
    page.wait_for_function("window.socket && window.socket.connected")
    page.locator(drawn).locator("visible=true").first.wait_for()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_by_machines_in_light_and_dark_and_fits_a_narrow_window(
    open_page: OpenPage, path: str
) -> None:
    page = open_page(path, color_scheme="light", reduced_motion="reduce")  # a colour half way to another is none
    settled(page, PAGES[path])
    told = serious_problems(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.body.classList.contains('body--dark')")
    told += serious_problems(page, COLOURS)
    page.set_viewport_size({"width": NARROW, "height": 900})
    wide = page.evaluate("document.documentElement.scrollWidth")
    told += [f"{path}: {wide} pixels wide in a window of {NARROW}"] if wide > NARROW else []
    assert not told, "\n".join(told)


def test_the_accessibility_check_sees_what_it_should(open_page: OpenPage) -> None:
    page = open_page("/orders")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"data:,\"><button></button>')"
    )
    assert any("button-name" in each for each in serious_problems(page))


def test_navigation_works_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("navigation").get_by_role("link", name="Orders").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders")
    until(lambda: page.get_by_role("link", name="plain-1").count() > 0, "the order is listed")


def test_the_theme_is_switched_and_remembered(open_page: OpenPage) -> None:
    page = open_page("/", color_scheme="light")
    page.get_by_role("button", name="Theme: auto").click()
    page.get_by_role("button", name="Theme: dark").wait_for()
    page.wait_for_function("document.body.classList.contains('body--dark')")
    page.reload()
    page.wait_for_function("document.body.classList.contains('body--dark')")
