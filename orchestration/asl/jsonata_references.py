"""What an expression refers to that AWS does not offer where it stands: found in its syntax tree, at load."""

from typing import Any, Final

_MAX_NODES: Final = 100_000
_PARTS: Final = ("expression", "lhs", "rhs", "condition", "then", "_else", "body", "procedure", "pattern", "update")


def unsupported_reference(tree: Any, *, in_catch: bool) -> str | None:
    """AWS's words for the first such reference; None: all is well.

    Outside of a path's steps and predicates there is no document, so a bare name refers to nothing.
    """
    pending: list[tuple[Any, bool]] = [(tree, True)]
    for _ in range(_MAX_NODES):
        if not pending:
            return None
        node, top = pending.pop()
        kind = getattr(node, "type", None)
        if kind is None:
            continue
        if kind == "name" and top:
            return f"Reference to '{node.value}' at the top level is not supported."
        if kind == "variable" and node.value == "$":
            return "Reference to '$$' is not supported."
        if kind == "path":
            if _is_error_output(node) and not in_catch:
                return "Reference to '$states.errorOutput' is only supported in a Catch."
            pending += [(step, top and at == 0) for at, step in enumerate(node.steps)]
        pending += _inner(node, top)
    return None


def _is_error_output(path: Any) -> bool:
    first, second = (*path.steps, None, None)[:2]
    return (
        getattr(first, "type", None) == "variable"
        and first.value == "states"
        and getattr(second, "type", None) == "name"
        and second.value == "errorOutput"
    )


def _inner(node: Any, top: bool) -> list[tuple[Any, bool]]:
    top = top and node.type != "transform"
    found = [(getattr(node, name, None), top) for name in _PARTS if not isinstance(getattr(node, name, None), list)]
    for name in ("expressions", "arguments"):
        if node.type != "lambda" or name != "arguments":
            found += [(each, top) for each in getattr(node, name, None) or ()]
    for pairs in (getattr(node, "lhs_object", None), getattr(node, "rhs_object", None)):
        found += [(each, top and node.type == "unary") for pair in pairs or () for each in pair]
    for name in ("predicate", "stages"):
        found += [(getattr(each, "expr", None), False) for each in getattr(node, name, None) or ()]
    return found
