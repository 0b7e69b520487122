"""Orders in a browser: found by filter, told moment by moment, and never rendered as HTML."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from services.order import Line, Order
from tests.browser.conftest import ConsoleLab, until

OpenPage = Callable[..., Page]
EVIL = "<img src=x onerror=\"document.title='stolen'\"><script>document.title='stolen'</script>"
LANES = ("choreography", "orchestration")


def test_what_an_order_holds_is_never_rendered_as_html(open_page: OpenPage, console_lab: ConsoleLab) -> None:
    sku = str(console_lab.client("choreography").catalogue()[-1]["sku"])
    order = Order(
        order_id="evil-1",
        customer_id="c1",
        lines=(Line(sku=sku, quantity=1, unit_price_cents=100),),
        total_cents=100,
        currency="EUR",
        ship_to=EVIL,
    )
    for lane in LANES:
        console_lab.client(lane).place(order)
    page = open_page("/orders/evil-1")
    page.locator("summary").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    expect(page.get_by_text("onerror", exact=False).first).to_be_visible()
    assert page.locator("main img").count() == 0
    assert page.title() == "Order · Saga Lab"


def test_the_filters_find_an_order_that_waits_for_a_person(open_page: OpenPage, console_lab: ConsoleLab) -> None:
    console_lab.lab("order", "--id=waits-1", "--large")
    for lane in LANES:
        until(
            lambda lane=lane: console_lab.client(lane).view("waits-1").status == "waiting_for_approval", f"{lane} asks"
        )
    page = open_page("/orders?filter=waiting for a person")
    expect(page.get_by_role("link", name="waits-1")).to_be_visible()
    page.goto(f"{console_lab.url}/orders?filter=undoing")
    expect(page.get_by_text("No order of this kind.")).to_be_visible()


def test_an_order_is_told_with_what_was_injected_and_how_the_books_stood(
    open_page: OpenPage, console_lab: ConsoleLab
) -> None:
    console_lab.lab("fault", "shipping", "error", "--operation=print_label", "--attempts=1")
    console_lab.lab("order", "--id=jam-1", "--wait")
    console_lab.lab("repair")
    page = open_page("/orders")
    page.get_by_label("Order or customer").fill("jam-")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="jam-1").click()
    expect(page.locator("td").get_by_text("injected: error in print_label, attempt 1", exact=False)).to_have_count(2)
    expect(page.get_by_text("1 label", exact=False).first).to_be_visible()
    expect(page.get_by_role("img", name="jam-1 on one time axis")).to_be_visible()
