"""Each page's main job done by clicking and by keyboard alone: approvals and mail, executions, studio, events."""

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from broker.connection import close, connect
from broker.publish import Message, publish
from lab.control.client import running_lab
from lab.credentials import LAB_USER
from lab.home import Home
from services.order import Line, Order
from services.trail import OrderStatus
from tests.browser.conftest import ConsoleLab, until

OpenPage = Callable[..., Page]
LANES = ("choreography", "orchestration")
NASTY = "<img src=x onerror=\"document.title='hacked'\">"


def status_in(lab: ConsoleLab, lane: str, order: str) -> OrderStatus:
    return lab.client(lane).view(order).status


def press(page: Page, role: Any, name: str | re.Pattern[str], key: str = "Enter") -> None:
    """By keyboard: the control is focused and a key pressed."""
    control = page.get_by_role(role, name=name).first
    control.focus()
    page.keyboard.press(key)


# --- approvals -------------------------------------------------------------------------------------------


def test_a_link_in_the_mail_approves_once_and_says_so_ever_after(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    console_lab.lab("order", "--id=mail-1", "--large", "--lane=choreography")
    page = open_page("/approvals")
    mail = page.locator("details.mail", has_text="mail-1")
    mail.locator("summary").click()
    link, rejecting = (
        mail.get_by_role("link", name=re.compile(name)).get_attribute("href") for name in ("^Approve", "^Reject")
    )
    decision = page.context.new_page()  # as a mail reader opens it: a plain page
    decision.goto(console_lab.url + str(link))
    expect(decision.get_by_role("status")).to_contain_text("waits for your decision")
    assert status_in(console_lab, "choreography", "mail-1") is OrderStatus.WAITING_FOR_APPROVAL
    decision.get_by_role("button", name="Approve order mail-1").click()
    expect(decision.get_by_role("status")).to_contain_text("You approved it")
    until(lambda: status_in(console_lab, "choreography", "mail-1") is OrderStatus.FULFILLED, "its label is printed")
    decision.goto(console_lab.url + str(link))
    expect(decision.get_by_role("status")).to_contain_text("it was approved at")
    assert decision.get_by_role("button").count() == 0
    late = decision.request.get(console_lab.url + str(rejecting))
    assert late.status == 409
    assert "Nothing was changed" in late.text()
    assert decision.request.get(console_lab.url + str(link)[:-1]).status == 404


def test_the_desk_rejects_by_keyboard_alone(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    console_lab.lab("order", "--id=desk-1", "--large", "--lane=orchestration")
    page = open_page("/approvals")
    press(page, "button", "Reject order desk-1, orchestration")
    until(lambda: status_in(console_lab, "orchestration", "desk-1") is OrderStatus.ROLLED_BACK, "all is undone")
    expect(page.get_by_role("button", name="Reject order desk-1, orchestration")).to_have_count(0)


# --- executions ------------------------------------------------------------------------------------------


def test_an_execution_is_found_and_read_by_keyboard(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    console_lab.lab("order", "--id=read-1", "--wait", "--lane=orchestration")
    page = open_page("/executions")
    page.get_by_role("link", name="read-1").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/executions/read-1")
    press(page, "button", re.compile("^Reserve, Task"), "Space")
    panel = page.get_by_label("The chosen state")
    expect(panel.get_by_role("heading", name="Reserve")).to_be_visible()
    expect(panel.get_by_label("Output", exact=True)).to_contain_text("reservation_id")
    press(page, "tab", "Table")
    expect(page.get_by_role("cell", name="Fulfilled")).to_be_visible()
    press(page, "tab", "Events")
    expect(page.get_by_text(re.compile("ExecutionSucceeded"))).to_be_visible()


def test_an_order_is_started_anew_with_an_edited_input(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    console_lab.lab("order", "--id=anew-1", "--wait", "--lane=orchestration")
    page = open_page("/executions/anew-1")
    page.get_by_role("button", name="Start anew …").click()
    area = page.get_by_label("Input (JSON)")
    order = json.loads(area.input_value())
    area.fill(json.dumps({**order, "order_id": "anew-2", "ship_to": "2 Other Street"}))
    page.get_by_role("dialog").get_by_role("button", name="Start anew", exact=True).click()
    page.wait_for_url("**/executions/anew-2")
    until(
        lambda: status_in(console_lab, "orchestration", "anew-2") is OrderStatus.FULFILLED, "the new one is fulfilled"
    )


def nasty_order(order_id: str) -> Order:
    line = Line(sku="GAME-5088", quantity=1, unit_price_cents=100)
    return Order(
        order_id=order_id, customer_id="customer-1", lines=(line,), total_cents=100, currency="EUR", ship_to=NASTY
    )


@pytest.mark.parametrize("path", ["/executions/nasty-1", "/events?view=causes&order=nasty-1"])
def test_what_an_order_says_is_never_taken_for_html(console_lab: ConsoleLab, open_page: OpenPage, path: str) -> None:
    for lane in LANES:
        console_lab.client(lane).place(nasty_order("nasty-1"))
    page = open_page(path)
    if "events" in path:
        page.get_by_text("Body of OrderPlaced").first.click()
    expect(page.get_by_text("<img src=x").first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.title() != "hacked"


# --- studio ----------------------------------------------------------------------------------------------


def editor_text(page: Page) -> str:
    return "\n".join(page.locator(".cm-line").all_text_contents())


def test_a_machine_is_drawn_published_and_run_by_keyboard_alone(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    page = open_page("/studio")
    press(page, "button", "Add Wait")
    wait = page.get_by_role("button", name=re.compile("^Wait, Wait"))
    expect(wait).to_be_visible()
    press(page, "button", "Add Choice")
    expect(page.get_by_role("button", name=re.compile("^Choice, Choice"))).to_be_visible()
    press(page, "button", re.compile("^Begin, Pass"))
    press(page, "tab", "State")
    expect(page.get_by_role("heading", name="Begin (Pass)")).to_be_visible()
    name = page.get_by_label("Name", exact=True)
    name.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("Prepare")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Prepare, Pass"))).to_be_visible()
    press(page, "tab", "Text")
    until(lambda: '"StartAt": "Prepare"' in editor_text(page), "the text follows the graph")
    expect(page.get_by_text("✓ can be published")).to_be_visible()
    publish_as = page.get_by_label("Name to publish under")
    publish_as.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("drawn_by_keyboard")
    press(page, "tab", "Run")
    press(page, "button", "Publish and run")
    expect(page.get_by_role("button", name=re.compile("^Done, Succeed.*succeeded"))).to_be_visible()
    expect(page.get_by_role("link", name="The execution")).to_be_visible()


def test_the_graph_follows_the_text_and_problems_stand_in_their_line(open_page: OpenPage) -> None:
    page = open_page("/studio")
    page.get_by_role("textbox", name=re.compile("State machine as text")).click()
    page.keyboard.press("Control+A")
    machine = {"StartAt": "One", "States": {"One": {"Type": "Pass", "Next": "Tow"}, "Two": {"Type": "Succeed"}}}
    page.keyboard.insert_text(json.dumps(machine, indent=2))
    expect(page.get_by_role("button", name=re.compile("^One, Pass.*problem"))).to_be_visible()
    expect(page.locator(".cm-line.problem-line").first).to_contain_text("Tow")
    expect(page.get_by_label("Problems").get_by_role("button").first).to_contain_text("line")
    page.get_by_role("button", name=re.compile("^Two, Succeed")).click()
    press(page, "button", "Undo")
    expect(page.get_by_role("button", name=re.compile("^Begin, Pass"))).to_be_visible()


def test_a_state_is_dragged_onto_the_canvas_and_tried_alone(open_page: OpenPage) -> None:
    page = open_page("/studio")
    begin = page.get_by_role("button", name=re.compile("^Begin, Pass"))
    page.get_by_role("button", name="Add Task").drag_to(begin)
    expect(page.get_by_role("button", name=re.compile("^Task, Task"))).to_be_visible()
    until(lambda: "http://payment/charges" in editor_text(page), "the text has it")
    page.get_by_role("tab", name="Try").click()
    page.get_by_label("What the stand-in answers (JSON)").fill('{"paid": true}')
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("✓ Task: succeeded")).to_be_visible()
    expect(page.get_by_label("Output", exact=True)).to_contain_text('"paid": true')


# --- events ----------------------------------------------------------------------------------------------


def test_events_are_heard_live_filtered_and_traced_to_their_causes(
    console_lab: ConsoleLab, open_page: OpenPage
) -> None:
    page = open_page("/events")
    page.get_by_label("Order begins with").fill("live-")
    console_lab.lab("order", "--id=live-1", "--wait", "--lane=choreography")
    printed = page.get_by_role("link", name="LabelPrinted")
    expect(printed).to_have_count(1)
    press(page, "switch", "Pause", "Space")
    printed.click()
    tree = page.locator("ul.tree.root")
    expect(tree.locator("li li li", has_text="InventoryReserved").first).to_be_visible()


async def say(lab: ConsoleLab, subject: str, body: bytes, headers: dict[str, str]) -> None:
    found = running_lab(Home(lab.home))
    password = found.credentials().broker_password("choreography", LAB_USER)
    client = await connect(found.url("choreography", "broker"), user=LAB_USER, password=password, name="test")
    try:
        await publish(client, Message(subject, body, headers=headers))
    finally:
        await close(client)


def test_a_dead_letter_is_mended_and_replayed(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    order = nasty_order("mend-1").model_dump(mode="json")
    headers = {
        "ce-id": "mend-1:OrderPlaced",
        "ce-source": "/choreography/door",
        "ce-type": "lab.saga.OrderPlaced.v1",
        "ce-specversion": "1.0",
    }
    broken = json.dumps({"version": 1, "order": {**order, "total_cents": "much"}}).encode()
    with ThreadPoolExecutor(1) as beside:  # Playwright has a loop of its own in this thread
        beside.submit(asyncio.run, say(console_lab, "orders.mend-1.OrderPlaced", broken, headers)).result()
    page = open_page("/events?view=letters")
    letter = page.locator(".letter", has_text="mend-1").first
    expect(letter).to_contain_text("malformed")
    letter.get_by_role("textbox").fill(json.dumps({"version": 1, "order": order}))
    letter.get_by_role("button", name=re.compile("with this body")).click()
    expect(page.get_by_text("sent again")).to_be_visible()
    until(
        lambda: status_in(console_lab, "choreography", "mend-1") is OrderStatus.FULFILLED,
        "the mended order is fulfilled",
    )


def test_the_past_is_played_to_a_subscriber_that_comes_late(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    console_lab.lab("order", "--id=late-1", "--wait", "--lane=choreography")
    page = open_page("/events?view=archive")
    page.get_by_role("button", name="Replay the archive").click()
    expect(page.get_by_text(re.compile(r"events heard .* caught up"))).to_be_visible()
    made, known = page.get_by_label("What it made of the archive"), page.get_by_label("What it has made so far")
    expect(made).to_contain_text("points")
    assert made.inner_text() == known.inner_text()
