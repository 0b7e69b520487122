"""From a Matplotlib figure to SVG for the page, SVG and PNG as files. Knows nothing of experiments.

On the page, text and lines take the page's colours, so that one drawing serves light and dark; text stays text. Legends
stand above the axes, never on data.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from lab.report.lanes import Look

WIDTH_IN: Final = 8.4
PNG_DPI: Final = 160


@dataclass(frozen=True)
class Palette:
    """Everything that is not a lane's own colour."""

    ink: str
    grid: str
    shade: str
    paper: str


# Stand-ins, which ``_coloured`` replaces in the SVG's text: a plot cannot be drawn in "currentColor".
_STAND_INS: Final = Palette("#010203", "#020304", "#030405", "#040506")
_ON_PAGE: Final = Palette("currentColor", "var(--grid)", "var(--shade)", "var(--paper)")
_ON_WHITE: Final = Palette("#1b1b1b", "#d9d9d9", "#e9e6df", "#ffffff")
_FONTS: Final = "'DejaVu Sans', Verdana, sans-serif"


@dataclass(frozen=True)
class Drawing:
    """One figure as the report shows and keeps it. ``table``: what it shows, heading first."""

    name: str
    title: str
    caption: str
    on_page: str
    svg: str
    png: bytes
    table: tuple[tuple[object, ...], ...]


def _style(palette: Palette, name: str) -> Any:
    """Matplotlib's settings. ``name`` makes the ids of an SVG the same every time."""
    return {
        "svg.hashsalt": name,
        "svg.fonttype": "none",
        "font.family": ["DejaVu Sans"],
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "axes.edgecolor": palette.ink,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.labelcolor": palette.ink,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": palette.ink,
        "figure.facecolor": "none",
        "grid.color": palette.grid,
        "grid.linewidth": 0.6,
        "hatch.linewidth": 0.6,
        "legend.frameon": False,
        "text.color": palette.ink,
        "text.parse_math": False,
        "xtick.color": palette.ink,
        "ytick.color": palette.ink,
    }


def blank(rows: int = 1, columns: int = 1, height_in: float = 3.4, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure with its axes, row by row."""
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, [each for row in axes for each in row]


def plain_ticks(axis: Axes) -> None:
    """0.01, 0.1, 1 instead of powers, on a logarithmic axis too."""
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def stroke(look: Look) -> dict[str, Any]:
    """A look as the options of a line."""
    return {"color": look.colour, "linestyle": (0, look.dash) if look.dash else "-", "linewidth": 1.7}


def marks(look: Look) -> dict[str, Any]:
    """A look as the options of single points."""
    return {
        "color": look.colour,
        "marker": look.marker,
        "markerfacecolor": look.colour if look.filled else "none",
        "linestyle": "none",
        "markersize": 5,
    }


def legend(figure: Figure, looks: dict[str, Look], *, points: bool = False, also: Sequence[Any] = ()) -> None:
    """The arms, above the axes; in the same order everywhere."""
    handles = [Line2D([], [], label=name, **(marks(look) if points else stroke(look))) for name, look in looks.items()]
    figure.legend(handles=[*handles, *also], loc="outside upper left", ncols=3, handlelength=3.2)


def drawing(
    name: str,
    title: str,
    caption: str,
    table: Sequence[Sequence[object]],
    draw: Callable[[Palette], Figure],
) -> Drawing:
    """Every form of one figure. ``draw`` is asked once for each palette that it is drawn in."""
    with mpl.rc_context(_style(_STAND_INS, name)):
        first = draw(_STAND_INS)
        raw = _svg(first)
    with mpl.rc_context(_style(_ON_WHITE, name)):
        second = draw(_ON_WHITE)
        _same_places(first, second)
        png = _png(second)
    return Drawing(
        name=name,
        title=title,
        caption=caption,
        on_page=_for_page(raw, name),
        svg=_coloured(raw, _ON_WHITE),
        png=png,
        table=tuple(tuple(row) for row in table),
    )


def _same_places(first: Figure, second: Figure) -> None:
    """Working out where everything goes is most of the work, and its result is the same."""
    second.set_layout_engine("none")
    for placed, axis in zip(first.axes, second.axes, strict=True):
        axis.set_position(placed.get_position())


def _svg(figure: Figure) -> str:
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return target.getvalue().replace("'DejaVu Sans'", _FONTS)


def _png(figure: Figure) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=PNG_DPI, facecolor=_ON_WHITE.paper)
    return target.getvalue()


def _coloured(text: str, palette: Palette) -> str:
    for stand_in, colour in zip(astuple(_STAND_INS), astuple(palette), strict=True):
        text = text.replace(stand_in, colour)
    return text


def _for_page(raw: str, name: str) -> str:
    """Without its XML head; with ids of its own, as many drawings share one page."""
    body = raw[raw.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", body)
    head, rest = body.split(">", 1)
    head = re.sub(r' (width|height|version|xmlns(:\w+)?)="[^"]*"', "", head)
    body = f'{head} role="img" aria-labelledby="title-{name}">{rest}'
    return _coloured(body.replace("xlink:href", "href"), _ON_PAGE)
