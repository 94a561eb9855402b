"""What can be done next with a torrent: `plan` decides on one of these, `acts` does it."""

from typing import TypeAlias

from msgspec import Struct

from bridge.model import Cause


class Wait(Struct, frozen=True):
    """Nothing to do before `until` (monotonic), or before something changes when it is None."""

    until: float | None = None


class Clean(Struct, frozen=True):
    """Unlink what an earlier life of this hash left on the disk."""


class Submit(Struct, frozen=True):
    """Ask TorBox to create it, looking for the hash first where an earlier create is unclear."""

    look_first: bool
    only_if_cached: bool = False


class Refuse(Struct, frozen=True):
    """Its category takes only cached torrents, and this one is not."""


class Resolve(Struct, frozen=True):
    """A create's outcome is unknown: look for the hash, in the queue and then in the list."""


class Nudge(Struct, frozen=True):
    """Resume and reannounce once, before anything is given up."""


class PauseThere(Struct, frozen=True):
    """Tell TorBox to pause the item, or to resume it."""

    paused: bool


class LookUp(Struct, frozen=True):
    """Ask once what the swarm knows of a magnet whose metadata TorBox does not have yet."""


class Reannounce(Struct, frozen=True):
    """A client asked TorBox to look for peers again."""


class Deliver(Struct, frozen=True):
    """Bring the files here, or go on doing so."""


class Place(Struct, frozen=True):
    """Rename the proven files to where clients expect them."""


class CheckFiles(Struct, frozen=True):
    """See whether a complete torrent's files are still here."""


class Relocate(Struct, frozen=True):
    """Move or rename a complete torrent's files, as a client asked."""


class AskById(Struct, frozen=True):
    """The lists do not show it any more: ask for the item itself."""

    torrent_id: int


class Recreate(Struct, frozen=True):
    """TorBox has nothing of use: delete what is left there and send it again, once per attempt."""

    why: str
    cause: Cause  # when it comes to nothing a second time
    reason: str


PURGED = Recreate(
    "TorBox does not have its content any more", Cause.GONE, "TorBox lost its content twice"
)
ZIPPED = Recreate(
    "TorBox has zipped its files",
    Cause.NO_FILES,
    "TorBox gives its files only as a zip, though asked not to",
)


class GiveUpOn(Struct, frozen=True):
    """Free the slot at TorBox, then fail with this sentence."""

    cause: Cause
    reason: str


class CleanTorBox(Struct, frozen=True):
    """Delete what is ours at TorBox, then forget the torrent."""


Step: TypeAlias = (
    Wait
    | Clean
    | Submit
    | Refuse
    | Resolve
    | Nudge
    | PauseThere
    | LookUp
    | Reannounce
    | Deliver
    | Place
    | CheckFiles
    | Relocate
    | AskById
    | Recreate
    | GiveUpOn
    | CleanTorBox
)

FOR_TORBOX = (
    Submit,
    Resolve,
    Nudge,
    PauseThere,
    LookUp,
    Reannounce,
    AskById,
    Recreate,
    GiveUpOn,
    CleanTorBox,
    Deliver,
)
# What asks TorBox for something by an id that is stored.
BY_ID = tuple(step for step in FOR_TORBOX if step not in (Submit, Resolve, LookUp))
FOR_DISK = (Deliver, Place, Clean, CheckFiles, Relocate)
NEEDS_DISK = (Deliver, Place, CheckFiles, Relocate)  # a removal may be what makes room again
