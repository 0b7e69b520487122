"""What holds for every page: it opens without an error, can be read by machines, and fits 800 pixels."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import ConsoleLab, until

PAGES = (
    "/",
    "/orders",
    "/orders/plain-1",
    "/executions",
    "/studio",
    "/events",
    "/approvals",
    "/experiments",
    "/figures",
)
SERIOUS = ("serious", "critical")
# axe cannot see the background behind Quasar's ripples; contrast of our own text is held below.
RULES = {"resultTypes": ["violations"]}

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def some_orders(console_lab: ConsoleLab) -> None:
    console_lab.lab("order", "--id=plain-1", "--wait")
    console_lab.lab("order", "--id=dear-1", "--large")


def settled(page: Page) -> None:
    page.wait_for_function("window.socket && window.socket.connected")
    page.wait_for_timeout(1_500)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_accessibility_problem(open_page: OpenPage, path: str, scheme: str) -> None:
    page = open_page(path, color_scheme=scheme)
    settled(page)
    found = Axe().run(page, options=RULES).response["violations"]
    told = [
        f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in SERIOUS
    ]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_800_pixels(open_page: OpenPage, path: str) -> None:
    page = open_page(path)
    page.set_viewport_size({"width": 800, "height": 900})
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_navigation_works_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page("/")
    settled(page)
    page.get_by_role("navigation").get_by_role("link", name="Orders").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders")
    until(lambda: page.get_by_role("link", name="plain-1").count() > 0, "the order is listed")


def test_the_theme_is_switched_and_remembered(open_page: OpenPage) -> None:
    page = open_page("/", color_scheme="light")
    settled(page)
    page.get_by_role("button", name="Theme: auto").click()
    page.get_by_role("button", name="Theme: dark").wait_for()
    page.wait_for_function("document.body.classList.contains('body--dark')")
    page.reload()
    page.wait_for_function("document.body.classList.contains('body--dark')")
