"""What pydantic found wrong with a person's input, in that person's words. Pure."""

from pydantic import ValidationError


def problems_of(error: ValidationError) -> str:
    """Each problem with the name of what it is about, as the command line calls it."""
    return "; ".join(_problem(each["loc"], each["msg"]) for each in error.errors())


def _problem(place: tuple[int | str, ...], message: str) -> str:
    said = message.removeprefix("Value error, ")
    if said != message or not place:
        return said
    name = ".".join(str(part) for part in place if not isinstance(part, int))
    return f"{name} {said.removeprefix('Input ')}" if said.startswith("Input ") else f"{name}: {said}"
