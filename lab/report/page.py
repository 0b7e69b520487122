"""A report as one HTML page that needs nothing but itself: no script, no font, no link. Pure.

Whatever comes from orders, stories or manifests is escaped by the template; only drawings are put in as they are, whose
text Matplotlib has escaped.
"""

import json
import re
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from lab.report.content import Report
from lab.report.lanes import Look

_SWATCH_MARKS = {"o": '<circle cx="22" cy="6" r="4" %s/>', "s": '<rect x="18" y="2" width="8" height="8" %s/>'}
_OTHER_MARK = '<path d="M22 1 L27 6 L22 11 L17 6 Z" %s/>'


def render(report: Report) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["tight"] = _tight
    template = environment.from_string(_text("page.html.j2"))
    return template.render(
        title=f"{report.experiment.name}: {' or '.join(arm.name for arm in report.experiment.arms)}?",
        css=Markup(_text("page.css")),
        report=report,
        swatch=lambda arm: swatch(report.looks[arm]),
        manifest=_manifest(report.experiment.manifest),
    )


def _text(name: str) -> str:
    return files("lab.report").joinpath(name).read_text(encoding="utf-8")


def _tight(text: str) -> str:
    """A number and its unit stay on one line."""
    return re.sub(r"(?<=\d) (?=%|pp\b|ms\b|s\b)", "\N{NO-BREAK SPACE}", text)


def _manifest(manifest: Any) -> str:
    return json.dumps(manifest, indent=2, ensure_ascii=False, default=str)


def swatch(look: Look) -> Markup:
    """An arm's stroke and marker, as in the figures."""
    fill = look.colour if look.filled else "var(--paper)"
    mark = _SWATCH_MARKS.get(look.marker, _OTHER_MARK) % f'fill="{fill}" stroke="{look.colour}" stroke-width="1.5"'
    line = f'<path d="M0 6 H44" stroke="{look.colour}" stroke-width="2.4" stroke-dasharray="{look.svg_dash}"/>'
    return Markup('<svg class="swatch" viewBox="0 0 44 12" aria-hidden="true">{}{}</svg>').format(
        Markup(line), Markup(mark)
    )
