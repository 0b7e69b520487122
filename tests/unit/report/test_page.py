import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.errors import BadInput
from lab.experiment.records import Experiment
from lab.report.build import build
from lab.report.content import Report
from tests.unit.report.made_up import NASTY, experiment

pytestmark = pytest.mark.more


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made-up") / "report"


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return build(experiment(blocks=6, orders=40), folder)


@pytest.fixture(scope="module")
def page(report: Report, folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    parser = Elements()
    parser.feed(page)
    assert not [tag for tag, _ in parser.found if tag in ("script", "link", "iframe", "img", "object")]
    references = [value for _, found in parser.found for name, value in found.items() if name in ("href", "src")]
    assert all(value is not None and value.startswith("#") for value in references)
    assert not re.search(r"@import|url\((?!#)", page)


def test_what_orders_say_is_text(page: str) -> None:
    assert NASTY not in page
    assert "&lt;script&gt;" in page


def test_every_id_is_used_once_and_every_reference_has_its_target(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)) <= {(each, "") for each in ids} | {
        ("", each) for each in ids
    }


def test_verdicts_come_first_and_every_section_is_there(page: str) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "Verdicts", "At a glance", "Performance", "Consistency", "Failure recovery", "Traceability", "Cost", "Load",
        "Worst orders, side by side", "Threats to validity", "Manifest",
    ]  # fmt: skip


def test_each_figure_is_there_as_svg_png_and_csv(report: Report, folder: Path) -> None:
    drawings = list(report.drawings())
    assert {"latency", "open-orders", "timeline", "compensation", "blocks-cost"} <= {each.name for each in drawings}
    for each in drawings:
        root = ElementTree.parse(folder / "figures" / f"{each.name}.svg").getroot()
        assert next(root.iter("{http://www.w3.org/2000/svg}text"), None) is not None
        assert (folder / "figures" / f"{each.name}.png").read_bytes().startswith(b"\x89PNG")
        assert len((folder / "figures" / f"{each.name}.csv").read_text(encoding="utf-8").splitlines()) > 1


def test_text_in_figures_is_text_in_the_colour_of_the_page(report: Report) -> None:
    for each in report.drawings():
        assert "<text" in each.on_page
        assert "currentColor" in each.on_page
        assert "mathdefault" not in each.on_page
        assert not re.search(r"#0[1-4]0[2-5]0[3-6]", each.on_page + each.svg)


def test_verdicts_and_trials_are_there_as_csv(report: Report, folder: Path) -> None:
    assert len((folder / "verdicts.csv").read_text(encoding="utf-8").splitlines()) == 1 + len(report.verdicts)
    assert len((folder / "trials.csv").read_text(encoding="utf-8").splitlines()) == 1 + len(report.experiment.trials)


def test_an_experiment_without_trials_has_no_report(tmp_path: Path) -> None:
    nothing = Experiment("none", "calm", "?", (), {}, ())
    with pytest.raises(BadInput, match="no finished trial"):
        build(nothing, tmp_path / "report")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BadInput, match="something else than a report"):
        build(experiment(blocks=1, orders=5), tmp_path)
    assert (tmp_path / "thesis.tex").exists()
