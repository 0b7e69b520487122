"""The stage on a real lab: what its controls say they do is what happens, in both lanes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from services.faults.plan import NO_FAULTS
from services.operations import Service
from tests.browser.conftest import ConsoleLab, until

OpenPage = Callable[..., Page]
LANES = ("choreography", "orchestration")


def figure(page: Page, lane: str, what: str) -> str:
    return page.locator(f"section[aria-label='{lane}'] [data-figure='{what}']").inner_text()


def test_one_button_places_one_order_in_both_lanes_and_follows_it_to_its_page(open_page: OpenPage) -> None:
    page = open_page("/")
    for name in LANES:
        until(lambda name=name: figure(page, name, "fulfilled").isdigit(), f"{name} is shown")
    before = {name: int(figure(page, name, "fulfilled")) for name in LANES}
    page.get_by_role("button", name="Place one order in both lanes").click()
    followed = page.locator(".followed")
    expect(followed.get_by_text("✓ fulfilled")).to_have_count(2)
    for name in LANES:
        until(lambda name=name: int(figure(page, name, "fulfilled")) == before[name] + 1, f"{name} shows the order")
    followed.get_by_role("link").click()
    page.wait_for_url("**/orders/order-*")
    expect(page.get_by_text("✓ fulfilled")).to_have_count(2)
    expect(page.locator("td").get_by_text("PaymentCharged", exact=False).first).to_be_visible()
    expect(page.locator("td").get_by_text("TaskSucceeded in Charge", exact=False).first).to_be_visible()


def test_the_printer_is_broken_and_mended_by_keyboard_alone(open_page: OpenPage, console_lab: ConsoleLab) -> None:
    page = open_page("/")
    switch = page.get_by_role("switch", name="Break the label printer")
    switch.focus()
    page.keyboard.press("Space")
    for name in LANES:
        until(lambda name=name: _rules(console_lab, name) == ["broken"], f"the printer of {name} is broken")
    expect(page.get_by_text("✗ on")).to_be_visible()
    page.get_by_role("button", name="Repair everything").focus()
    page.keyboard.press("Enter")
    for name in LANES:
        until(lambda name=name: _rules(console_lab, name) == [], f"the printer of {name} works")
    expect(switch).not_to_be_checked()


def test_a_fault_made_by_a_command_is_shown(open_page: OpenPage, console_lab: ConsoleLab) -> None:
    page = open_page("/")
    console_lab.lab("fault", "payment", "lost_reply", "--probability=0.1", "--lane=choreography")
    expect(
        page.get_by_text("choreography: payment lost_reply", exact=False).or_(page.get_by_text("✗ 10 %"))
    ).to_be_visible()
    console_lab.lab("repair")


def test_a_killed_conductor_is_seen_and_comes_back(open_page: OpenPage, console_lab: ConsoleLab) -> None:
    page = open_page("/")
    row = page.locator("[data-process='orchestration-conductor-1']")
    expect(row.get_by_text("✓ ready")).to_be_visible()
    before = _restarts(console_lab)
    row.get_by_role("button", name="kill orchestration-conductor-1").click()
    expect(row.get_by_text(f"{before + 1} restart", exact=False)).to_be_visible()
    expect(row.get_by_text("✓ ready")).to_be_visible()


def test_a_frozen_service_is_shown_as_frozen_until_it_is_thawed(open_page: OpenPage, console_lab: ConsoleLab) -> None:
    page = open_page("/")
    row = page.locator("[data-process='choreography-warehouse']")
    row.get_by_role("button", name="freeze choreography-warehouse").click()
    expect(row.get_by_text("◆ frozen")).to_be_visible()
    assert console_lab.state("choreography-warehouse") == "frozen"
    row.get_by_role("button", name="thaw choreography-warehouse").click()
    expect(row.get_by_text("✓ ready")).to_be_visible()


def test_the_load_slider_starts_and_ends_a_load(open_page: OpenPage) -> None:
    page = open_page("/")
    slider = page.get_by_role("slider", name="Load, orders a second")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("5 orders/s", exact=False)).to_be_visible()
    before = {name: int(figure(page, name, "fulfilled")) for name in LANES}
    for name in LANES:
        until(lambda name=name: int(figure(page, name, "fulfilled")) > before[name] + 3, f"{name} fulfils the load")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("0 orders/s;", exact=False)).to_be_visible()


@pytest.fixture(autouse=True)
def repaired(console_lab: ConsoleLab) -> None:
    for lane in LANES:
        for service in Service:
            console_lab.client(lane).put_faults(service, NO_FAULTS.model_dump(mode="json"))


def _rules(console_lab: ConsoleLab, name: str) -> list[str]:
    return [str(rule["kind"]) for rule in console_lab.client(name).faults("shipping")["plan"]["rules"]]


def _restarts(console_lab: ConsoleLab) -> int:
    found = (each for each in console_lab.status()["processes"] if each["name"] == "orchestration-conductor-1")
    return int(next(found)["restarts"])
