"""What a check found."""

from msgspec import Struct


class Check(Struct, frozen=True):
    """One thing that the bridge needs. A check that is fine may carry a hint in `fix`."""

    name: str
    ok: bool
    sentence: str
    fix: str = ""

    @property
    def line(self) -> str:
        """As the command prints it."""
        line = f"{'✓' if self.ok else '✗'} {self.name}: {self.sentence}"
        return f"{line}\n    {self.fix}" if self.fix else line


def fine(name: str, sentence: str, hint: str = "") -> Check:
    """It is as it should be."""
    return Check(name, True, sentence, hint)


def bad(name: str, sentence: str, fix: str) -> Check:
    """It is to be mended, and how."""
    return Check(name, False, sentence, fix)
