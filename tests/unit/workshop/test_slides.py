"""Slides and handout: one file that needs no other, with every lesson's text, and nothing of it as HTML."""

import re
from html.parser import HTMLParser

from lab.workshop.lesson import PARTS, Lesson
from lab.workshop.library import handout, lessons
from lab.workshop.slides import deck, sheet

SLIDES_A_LESSON = 3
VOID = {"meta", "br", "hr", "img", "link"}


class Reader(HTMLParser):
    """Which elements and attributes there are, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_deck_has_three_slides_for_each_lesson_and_all_its_text() -> None:
    all_lessons = lessons()
    page = deck(all_lessons)
    assert read(page).seen.count("section") == 1 + SLIDES_A_LESSON * len(all_lessons)
    for each in all_lessons:
        assert page.count(f"<h1>{each.number}. {each.title}</h1>") == SLIDES_A_LESSON


def test_what_it_showed_is_not_on_the_slide_of_the_prediction() -> None:
    for section in re.findall(r"<section.*?</section>", deck(lessons()), re.DOTALL):
        assert not ("<h2>Predict" in section and "<h2>What it showed" in section)


def test_neither_page_loads_or_leads_to_another_file() -> None:
    for page in (deck(lessons()), sheet(handout())):
        reader = read(page)
        loading = [value for name, value in reader.attributes if name in ("src", "srcset", "data")]
        leading = [value for name, value in reader.attributes if name == "href"]
        assert loading == []
        assert not {"link", "img", "iframe"} & set(reader.seen)
        assert all(value.startswith("http://127.0.0.1:74") for value in leading)
        assert "url(" not in page
        assert "@import" not in page


def test_text_is_never_html() -> None:
    parts = dict.fromkeys(PARTS, "<script>alert(1)</script> & <b>bold</b>")
    page = deck([Lesson(1, "<i>Title</i>", 5, "A lab.", "About <u>it</u>.", parts)])
    assert read(page).seen.count("script") == 1
    assert not {"b", "i", "u"} & set(read(page).seen)


def test_the_handout_is_a_page_with_its_tables() -> None:
    reader = read(sheet(handout()))
    assert reader.seen.count("table") == 2
