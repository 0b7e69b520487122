"""Which processes load a file, read from the import statements: who may behave differently once the file is changed.

An upper bound: a process loads more than it uses. Imports within functions count, imports for type checking do not.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

PACKAGES: Final = ("telemetry", "services", "broker", "choreography", "orchestration")

# Lane -> process -> the module that its start imports (``__main__`` of the wiring chooses it by LAB_COMPONENT).
ENTRIES: Final[Mapping[str, Mapping[str, str]]] = {
    "choreography": {
        "payment": "choreography.service_process",
        "warehouse": "choreography.service_process",
        "shipping": "choreography.service_process",
        "door": "choreography.processes",
        "watch": "choreography.processes",
        "tracer": "choreography.tracer_process",
    },
    "orchestration": {
        "payment": "services.__main__",
        "warehouse": "services.__main__",
        "shipping": "services.__main__",
        "door": "orchestration.door_setup",
        "conductor": "orchestration.conductor_setup",
        "tracer": "orchestration.tracer_setup",
    },
}
# Where a statement holds others.
BLOCKS: Final = ("body", "orelse", "handlers", "finalbody", "cases")
# What is read and not imported: file -> the module that reads it.
READ_BY: Final = {"orchestration/order_fulfilment.asl.json": "orchestration.orders.definition"}


def loaded_by(root: Path, lane: str, paths: frozenset[str]) -> tuple[str, ...]:
    """The processes of a lane that load one of the files; ``root``: where the packages are."""
    modules = {READ_BY.get(path) or module_of(path) for path in paths}
    return tuple(process for process, entry in ENTRIES[lane].items() if modules & closure(root, entry))


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def closure(root: Path, entry: str) -> frozenset[str]:
    """The module, and all of ours that it imports, and they, and so on."""
    found: set[str] = set()
    pending = [entry]
    while pending:
        module = pending.pop()
        if module not in found and (path := _file(root, module)) is not None:
            found.add(module)
            pending += [module.rpartition(".")[0], *_imports_of(path)]
    return frozenset(found)


def _file(root: Path, module: str) -> Path | None:
    if module.partition(".")[0] not in PACKAGES:
        return None
    place = root.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


@cache
def _imports_of(path: Path) -> tuple[str, ...]:
    return tuple(name for node in ast.parse(path.read_text(encoding="utf-8")).body for name in _imports(node))


def _imports(node: ast.AST) -> Iterator[str]:
    inner: list[ast.AST] = []
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            inner += node.orelse
        case ast.Import(names=names):
            yield from (each.name for each in names)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            yield module
            yield from (f"{module}.{each.name}" for each in names)
        case _:
            inner += [each for block in BLOCKS for each in getattr(node, block, ())]
    for each in inner:
        yield from _imports(each)
