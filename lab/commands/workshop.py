"""``lab workshop``: the lessons, and the checks that the lab makes of what was done in it."""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markdown import Markdown
from typer.core import TyperGroup

from lab import interrupt
from lab.commands.options import DEFAULT_HOME, HomeOption, err, find_lab, narrow_table, out
from lab.errors import BadInput, NotUp
from lab.hints import counted
from lab.workshop.finding import Finding
from lab.workshop.lesson import CHECK, DISCUSS, PARTS, PREDICT, RUN, SHOWED, WRITTEN_FOR_PORT_BASE, Lesson, at_ports

WHILE_MOVING_S: Final = 10.0
AGAIN_AFTER_S: Final = 0.5
NAME: Final = re.compile(r"[a-z0-9-]{1,40}")

BEFORE: Final = (PREDICT, RUN, CHECK)
AFTER: Final = (SHOWED, DISCUSS)
FENCE: Final = "```sh"
BLOCK: Final = re.compile(rf"(^{FENCE}\n.*?^```$)", re.DOTALL | re.MULTILINE)

LessonArgument = Annotated[int, typer.Argument(metavar="LESSON", help="Its number.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="An HTML file, which needs no other.")]


class _ByNumber(TyperGroup):
    """``lab workshop 4`` is ``lab workshop show 4``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, ["show", *args] if args[0].isdecimal() else args)


app = typer.Typer(help="Twelve lessons, each with a check that the lab itself makes: lab workshop 4.", cls=_ByNumber)


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from lab.workshop.library import lessons

        table = narrow_table("lesson", "", "minutes", numbers=("lesson", "minutes"))
        for each in lessons():
            table.add_row(str(each.number), each.title, str(each.minutes))
        out.print(table)
        out.print("lab workshop 1 shows a lesson, lab workshop check 1 checks what you did")


@app.command()
def show(
    number: LessonArgument,
    whole: Annotated[bool, typer.Option("--whole", help="Also what it showed, which a check that is met tells.")] = (
        False
    ),
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show a lesson, with the addresses of the lab that is up."""
    from lab.workshop.library import lesson_of

    lesson = lesson_of(number)
    head = f"# {number}. {lesson.title}\n\n*{lesson.minutes} minutes. {lesson.needs}*\n\n{lesson.about}"
    parts = _written(lesson, PARTS if whole else BEFORE)
    _print(at_ports(f"{head}\n\n{parts}", _port_base(home)))


def _print(text: str) -> None:
    """Markdown, but for commands: each whole on its line, so that it can be copied."""
    for piece in BLOCK.split(text):
        if piece.startswith(FENCE):
            for line in piece.splitlines()[1:-1]:
                out.print(f"  {line}", markup=False, style="bold")
        else:
            out.print(Markdown(piece))


@app.command()
def check(number: LessonArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Check a lesson from the running lab's own books and histories. Exit code 1: not met; 2: no lab is up."""
    from lab.workshop.library import lesson_of

    lesson = lesson_of(number)
    found = _found(number, home)
    for line in told(number, lesson.title, found):
        out.print(line, markup=False)
    if not found.met:
        raise typer.Exit(1)
    _print(_written(lesson, AFTER))


def _found(number: int, home: Path) -> Finding:
    """Looks again for a while where something is still moving."""
    from lab.workshop.checks import CHECKS  # these bring aiohttp along, which other commands should not wait for
    from lab.workshop.gathering import seen_lab

    deadline = time.monotonic() + WHILE_MOVING_S
    with err.status("looking …"):
        while True:
            seen = seen_lab(find_lab(home))
            found = CHECKS[number](seen)
            if found.met or not seen.moving or time.monotonic() > deadline:
                return found
            time.sleep(AGAIN_AFTER_S)


def told(number: int, title: str, found: Finding) -> list[str]:
    """A finding as lines for a person."""
    lines = [
        f"lesson {number}, {title}: {'met' if found.met else 'NOT met yet'}",
        f"  looked for: {found.looked_for}",
        *(f"  saw:        {line}" for line in found.seen),
    ]
    return lines if found.met else [*lines, f"  do:         {found.advice}"]


@app.command()
def listen(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the new subscriber is called: gift-cards.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Subscribe somebody new to shipped orders, tell what it has not heard yet, and go. Nobody else is changed."""
    if NAME.fullmatch(name) is None:
        raise BadInput(f"a subscriber's name is of small letters, digits and hyphens, at most 40, not {name!r}")
    from lab.workshop.listening import listen as listened  # brings the broker along

    heard = interrupt.run(listened(find_lab(home), name, lambda line: out.print(line, markup=False)))
    out.print(f"{name} heard {counted(heard, 'new event')}")


@app.command()
def slides(file: FileArgument) -> None:
    """Write all lessons as slides: arrow keys, dark and light, prints one a page."""
    from lab.workshop.library import lessons
    from lab.workshop.slides import deck

    _write(file, deck(lessons()))


@app.command()
def handout(file: FileArgument) -> None:
    """Write the handout, one page to print."""
    from lab.workshop.library import handout as text
    from lab.workshop.slides import sheet

    _write(file, sheet(text()))


def _written(lesson: Lesson, names: Iterable[str]) -> str:
    """Some parts of a lesson as Markdown again."""
    return "\n\n".join(f"## {name}\n\n{lesson.parts[name]}" for name in names)


def _port_base(home: Path) -> int:
    try:
        return int(find_lab(home).status["port_base"] or WRITTEN_FOR_PORT_BASE)  # containers have none
    except NotUp:
        return WRITTEN_FOR_PORT_BASE


def _write(file: Path, content: str) -> None:
    try:
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror or error}") from None
    out.print(f"written: {file}", markup=False)
