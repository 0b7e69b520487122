"""One module (or folder) for each page. A module offers its pages as ``PAGES``, and what is no page but a plain route
by ``ROUTES``; nothing else has to be told of it.
"""

import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from starlette.requests import Request

from lab.console.context import Console

Build = Callable[[Console, Request], Awaitable[None]]


@dataclass(frozen=True)
class Page:
    """``path`` as FastAPI takes it: path parameters are in ``request.path_params``.

    ``place``: where in the navigation; None: reached by links only. ``build`` draws at once and must not wait for the
    lanes: what it shows of them comes with the first ``refresh.every``.
    """

    path: str
    title: str
    build: Build
    place: int | None = None
    says: str = ""  # one line under the title


def all_pages() -> tuple[Page, ...]:
    """Of every module here, those in the navigation first."""
    found: list[Page] = []
    for module in _modules():
        found += getattr(module, "PAGES", ())
    return tuple(sorted(found, key=lambda page: (page.place is None, page.place or 0, page.path)))


def all_routes() -> tuple[Callable[[Console], None], ...]:
    """Of every module that has any."""
    return tuple(module.ROUTES for module in _modules() if hasattr(module, "ROUTES"))


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(__path__):
        yield import_module(f"{__name__}.{found.name}")
