"""A lane's components and where they listen, looked up anew each time: a container that comes back has another port."""

from collections.abc import Iterator, Mapping

from lab.target.protocol import Target


class Addresses(Mapping[str, str]):
    """Goes through every process; a service of several can also be asked for by its own name."""

    def __init__(self, target: Target, lane: str) -> None:
        self._target = target
        self._lane = lane

    def __getitem__(self, component: str) -> str:
        return self._target.url(self._lane, component)

    def __iter__(self) -> Iterator[str]:
        return iter(self._target.components(self._lane))

    def __len__(self) -> int:
        return len(self._target.components(self._lane))
