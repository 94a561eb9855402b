"""Which calls of a client library were made, so that none that applies is forgotten."""

from collections.abc import Iterable


class Surface:
    """Everything public that a library offers, and what of it is not for a server like this."""

    def __init__(self, offered: Iterable[str], elsewhere: Iterable[str]) -> None:
        self.offered = set(offered)
        self.elsewhere = set(elsewhere)
        self.driven: set[str] = set()

    def forgotten(self) -> set[str]:
        """What applies and was not called."""
        return self.offered - self.elsewhere - self.driven

    def invented(self) -> set[str]:
        """What is said not to apply, and is not offered, or was called after all."""
        return (self.elsewhere - self.offered) | (self.elsewhere & self.driven)


class Recorded:
    """A client, or a part of one, whose calls are noted as they are made."""

    def __init__(self, inner: object, surface: Surface, prefix: str = "") -> None:
        self._inner, self._surface, self._prefix = inner, surface, prefix

    def __getattr__(self, name: str) -> object:
        value = getattr(self._inner, name)
        if self._prefix + name in self._surface.offered:
            self._surface.driven.add(self._prefix + name)
        return value
