"""The twelve lessons have one shape, and what they name exists."""

import re

import pytest

from lab.application import COMMANDS
from lab.errors import BadInput
from lab.workshop.checks import CHECKS
from lab.workshop.lesson import CHECK, PARTS, RUN, Command, Lesson, at_ports, commands, lesson
from lab.workshop.library import FOLDER, handout, lesson_of, lessons

MINUTES = 60
LESSONS = lessons()
GOOD = """# 3. A title

*4 minutes. A lab.*

What it is about.

## Predict

Who?

## Run

```sh
lab order
lab audit   # exit code 1: wrong books
```

## Check

It looks.

## What it showed

That.

## Discuss

Why?
"""


def test_there_are_the_twelve_lessons_in_the_order_of_the_story() -> None:
    assert [each.title for each in LESSONS] == [
        "The megaphone",
        "Out of ink",
        "Who undoes?",
        "The conductor",
        "Retry and back-off",
        "Wait for the manager",
        "The undo button",
        "Lost replies",
        "Kill the conductor",
        "Find the stuck order",
        "Standard or Express",
        "When the megaphone wins",
    ]
    assert sorted(CHECKS) == [each.number for each in LESSONS]


def test_they_fit_into_an_hour_and_the_guide_says_when_each_begins() -> None:
    guide = (FOLDER / "README.md").read_text()
    begins = 0
    for each in LESSONS:
        assert f"| {begins}–{begins + each.minutes} | [{each.number}. {each.title}]({each.number:02}-" in guide
        begins += each.minutes
    assert begins <= MINUTES


@pytest.mark.parametrize("each", LESSONS, ids=lambda each: each.title)
def test_a_lesson_has_something_to_run_and_names_its_check(each: Lesson) -> None:
    assert each.commands
    assert f"`lab workshop check {each.number}`" in each.parts[CHECK]
    known = {command.__name__.replace("_", "-") for group in COMMANDS.values() for command in group}
    named = [word for line in each.commands for word in re.findall(r"\blab ([a-z-]+)", line.line)]
    assert [word for word in named if word not in known | {"workshop", "dead-letters"}] == []


def test_the_handout_names_every_lesson() -> None:
    text = handout()
    assert [each.number for each in LESSONS if f"| {each.number} {each.title} |" not in text] == []


def test_a_lesson_is_read_with_its_commands_and_their_exit_codes() -> None:
    found = lesson(GOOD)
    assert (found.number, found.title, found.minutes, found.needs) == (3, "A title", 4, "A lab.")
    assert found.about == "What it is about."
    assert found.commands == (Command("lab order"), Command("lab audit", 1))


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_or_empty_part_is_named(part: str) -> None:
    with pytest.raises(BadInput, match="its sections are"):
        lesson(GOOD.replace(f"## {part}\n", "\n"))
    empty = re.sub(rf"(## {re.escape(part)}\n).*?(?=## |\Z)", r"\1", GOOD, flags=re.DOTALL)
    with pytest.raises(BadInput, match=f"nothing under {re.escape(part)}"):
        lesson(empty)


def test_a_part_out_of_place_is_refused() -> None:
    with pytest.raises(BadInput, match="they must be"):
        lesson(GOOD.replace("## Discuss", "## Later").replace("## Check", "## Discuss").replace("## Later", "## Check"))
    with pytest.raises(BadInput, match="its sections are"):
        lesson(GOOD + "\n## Discuss\n\nAgain?\n")


@pytest.mark.parametrize(("good", "bad"), [("# 3. A", "# A"), ("*4 minutes. A lab.*", "Soon.")])
def test_a_head_of_another_shape_is_refused(good: str, bad: str) -> None:
    with pytest.raises(BadInput, match=r"lesson begins with|under its title"):
        lesson(GOOD.replace(good, bad))


def test_a_lesson_that_is_not_there_is_said() -> None:
    with pytest.raises(BadInput, match="there are 1 to 12"):
        lesson_of(13)


def test_continued_lines_are_one_command_and_comments_are_none() -> None:
    block = "# first\nlab order \\\n--wait   # exit code 3: rolled back\n\necho '# no comment'\n"
    assert commands(block) == (Command("lab order  --wait", 3), Command("echo '# no comment'"))


def test_addresses_follow_the_lab_and_nothing_else_does() -> None:
    assert at_ports("http://127.0.0.1:7440/orders at 127.0.0.1:7422", 9100) == (
        "http://127.0.0.1:9140/orders at 127.0.0.1:9122"
    )
    assert at_ports("127.0.0.1:8440 and 7440 minutes", 9100) == "127.0.0.1:8440 and 7440 minutes"


def test_every_address_of_a_lesson_can_follow() -> None:
    for each in LESSONS:
        addresses = re.findall(r"127\.0\.0\.1:\d+", each.parts[RUN])
        assert all(at_ports(address, 9100).startswith("127.0.0.1:91") for address in addresses)
