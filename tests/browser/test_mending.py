"""What a person does when something went wrong, by clicking: stop, fail, redrive, answer, start; a link that comes too
late; practices switched off and on; a letter that is being written in while others come.
"""

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Locator, Page, expect

from lab.topology import name_of
from services.practices import PRESETS, Practice, parse_practices
from services.trail import OrderStatus
from tests.browser.conftest import READY_WITHIN_S, ConsoleLab, aws, until
from tests.browser.test_work import nasty_order, say, status_in

OpenPage = Callable[..., Page]
ASKING = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "approval:ask.waitForTaskToken",
            "Parameters": {"token.$": "$$.Task.Token"},
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
    },
}


def confirm(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()
    page.get_by_role("alertdialog", name=label).get_by_role("button", name=label, exact=True).click()


def test_a_waiting_token_is_failed_the_execution_redriven_and_the_token_answered(
    console_lab: ConsoleLab, open_page: OpenPage
) -> None:
    machine = {"name": "asking", "definition": json.dumps(ASKING), "roleArn": "arn:aws:iam::000000000000:role/test"}
    aws(console_lab, "CreateStateMachine", machine)
    page = open_page("/executions")
    page.get_by_role("button", name="Start an execution").click()
    dialog = page.get_by_role("dialog", name="Start an execution")
    dialog.get_by_label("Input (JSON)").fill('{"reason": "a test"}')
    dialog.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/executions/arn*")
    panel = page.get_by_label("The chosen state")
    expect(panel.get_by_label("Task token")).to_be_visible()
    confirm(page, "Fail it")
    expect(page.get_by_text("✗ failed").first).to_be_visible()
    expect(page.get_by_text("✗ AnsweredNo", exact=False).first).to_be_visible()
    confirm(page, "Redrive")
    expect(page.get_by_text("redriven 1×", exact=False)).to_be_visible()
    panel.get_by_label("Answer (JSON)").fill('{"granted": true}')
    panel.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_text("✓ succeeded").first).to_be_visible()
    expect(panel.get_by_label("Output", exact=True).first).to_contain_text('"granted": true')


def test_an_execution_is_stopped_and_the_link_in_its_mail_comes_too_late(
    console_lab: ConsoleLab, open_page: OpenPage
) -> None:
    console_lab.lab("order", "--id=late-mail", "--large", "--lane=orchestration")
    page = open_page("/approvals")
    mail = page.locator("details.mail", has_text="late-mail")
    mail.locator("summary").click()
    link = str(mail.get_by_role("link", name=re.compile("^Approve")).get_attribute("href"))
    page.goto(f"{console_lab.url}/executions/late-mail")
    confirm(page, "Stop")
    expect(page.get_by_text("○ aborted").first).to_be_visible()
    late = page.context.new_page()
    answer = late.goto(console_lab.url + link)
    assert answer is not None
    assert answer.status == 410
    expect(late.get_by_role("status")).to_contain_text("Nobody waits for this decision any more. Nothing was changed.")
    assert late.get_by_role("button").count() == 0
    assert status_in(console_lab, "orchestration", "late-mail") is not OrderStatus.FULFILLED


def practice_switch(page: Page, practice: Practice, lane: str) -> Locator:
    return page.get_by_role("switch", name=f"{practice.value.replace('_', ' ')} in {lane}")


def test_a_practice_is_switched_off_in_one_lane_and_on_again(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    lane = "choreography"
    page = open_page("/")
    switch, other = (
        practice_switch(page, Practice.RETRIES, lane),
        practice_switch(page, Practice.RETRIES, "orchestration"),
    )
    expect(switch).to_be_checked()
    before = {name: console_lab.pid(name_of(lane, name)) for name in ("broker", "payment", "watch")}
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_be_disabled()
    expect(switch).to_be_enabled(timeout=READY_WITHIN_S * 1000)
    expect(switch).not_to_be_checked()
    expect(other).to_be_checked()
    assert parse_practices(console_lab.practices(lane)) == PRESETS["hardened"] - {Practice.RETRIES}
    after = {name: console_lab.pid(name_of(lane, name)) for name in before}
    assert after["broker"] == before["broker"]
    assert after["payment"] != before["payment"]
    assert after["watch"] != before["watch"]
    switch.click()
    until(lambda: console_lab.practices(lane) == "hardened", "it is on again")
    expect(switch).to_be_enabled(timeout=READY_WITHIN_S * 1000)
    expect(switch).to_be_checked()
    console_lab.lab("order", "--id=after-switching", "--wait")


def test_what_is_written_in_a_letter_stays_while_others_come(console_lab: ConsoleLab, open_page: OpenPage) -> None:
    page = open_page("/events?view=letters")
    _malformed(console_lab, "first-letter")
    area = page.locator(".letter", has_text="first-letter").get_by_role("textbox")
    area.fill('{"half": "written"')
    _malformed(console_lab, "second-letter")
    expect(page.locator(".letter", has_text="second-letter")).to_be_visible()
    assert area.input_value() == '{"half": "written"'
    assert page.locator(".letter").first.inner_text().count("second-letter")


def _malformed(lab: ConsoleLab, order_id: str) -> None:
    headers = {
        "ce-id": f"{order_id}:OrderPlaced",
        "ce-source": "/choreography/door",
        "ce-type": "lab.saga.OrderPlaced.v1",
        "ce-specversion": "1.0",
    }
    body = json.dumps({"version": 1, "order": {**nasty_order(order_id).model_dump(mode="json"), "total_cents": "much"}})
    with ThreadPoolExecutor(1) as beside:  # Playwright has a loop of its own in this thread
        beside.submit(asyncio.run, say(lab, f"orders.{order_id}.OrderPlaced", body.encode(), headers)).result()
