"""The bridge's errors. Each says what the one who meets it can do.

BridgeError
├── BadSettings            mend the settings                           the command exits with 2
├── CannotStart            mend the machine: port, folder, lock        the command exits with 1
├── StoreTrouble           nothing was written; try again later        add answers `Fails.`
├── NotATorrent            give a real magnet or .torrent              `Fails.` or 415
├── UnknownTorrent         there is no such hash                       404
├── BadParameter           mend the request                            400
├── Refused                the state or the rules forbid it            409
│   └── TargetTaken        the folder's name was taken meanwhile       choose another name
├── TorBoxError            TorBox did not do it
│   ├── TorBoxUnwell       no usable answer, outcome unknown           look before trying again
│   │   ├── TorBoxUnreached  no connection: nothing was asked          try again
│   │   └── TorBoxSaysNo   it answers, and does not do this one thing  only this waits
│   ├── TorBoxBusy         not before `wait_seconds`                   wait; it was no try
│   ├── TorBoxRefused      never for this input                        the torrent fails
│   ├── TorBoxGone         no such item (any more)                     look at the list
│   ├── AccountTrouble     a person must act: key, plan, month         everything pauses
│   └── OurMistake         TorBox does not understand us               wait, and tell the authors
├── ArrError               an arr did not do it
│   ├── ArrUnwell          no usable answer, outcome unknown           look before trying again
│   ├── ArrRefused         it says no: the key, the URL, the request   a person, or the next way
│   └── ArrGone            no such row, event or endpoint              look at the queue
├── NotSent                a notification did not arrive               try again, then let it be
└── DeliveryError          the files are not here yet
    ├── LinkRefused        the link is refused or expired              ask for a new link
    ├── CdnBusy            not before `wait_seconds`                   keep the link, wait
    ├── CdnUnwell          cut, silent, lying or ill                   try again, then a new link
    ├── FileDisproved      the bytes are not the file's                fetch again from a new link
    ├── NoRoom             the disk cannot take all of this torrent   wait; others may fit
    ├── UnfitForDisk       the disk can never hold one of its files    the torrent fails
    ├── FilesMissing       what was to be placed is not here           deliver again
    └── DiskTrouble        full, read-only, gone, not permitted        everything pauses
"""

from enum import StrEnum


class BridgeError(Exception):
    """What every error of the bridge is."""


class BadSettings(BridgeError):
    """The settings cannot be used; the message says which one and why."""


class CannotStart(BridgeError):
    """The machine forbids it: a port in use, a folder not writable, the state locked."""


class StoreTrouble(BridgeError):
    """What should be remembered could not be written; memory and disk are as before."""


class NotATorrent(BridgeError):
    """The source is neither a magnet, an info-hash nor a .torrent; the message says why."""


class UnknownTorrent(BridgeError):
    """No torrent of ours has this hash."""


class BadParameter(BridgeError):
    """A request's parameter is missing or cannot be read."""


class Refused(BridgeError):
    """Understood, and not allowed: an existing category, a path outside the root."""


class TorBoxError(BridgeError):
    """TorBox did not do what was asked."""


class TorBoxUnwell(TorBoxError):
    """No usable answer (timeout, HTML, 5xx): whether it was done is unknown."""


class TorBoxUnreached(TorBoxUnwell):
    """No connection to TorBox came about: nothing was asked, so nothing was done."""


class Shut(StrEnum):
    """Why TorBox takes nothing that it does not have cached, whichever torrent it is."""

    SLOTS = "slots"
    COOLDOWN = "cooldown"
    SERVERS = "servers"


class TorBoxSaysNo(TorBoxUnwell):
    """TorBox answers, and says in its own words that it does not do this one thing, for now.

    `nothing_done` is true where that is sure; else it may have happened all the same.
    """

    def __init__(self, sentence: str, *, nothing_done: bool = False) -> None:
        super().__init__(sentence)
        self.nothing_done = nothing_done


class TorBoxBusy(TorBoxError):
    """TorBox said no for now (429, cooldown, slots full): nothing was done, and it was no try."""

    def __init__(self, sentence: str, wait_seconds: float, *, shut: Shut | None = None) -> None:
        super().__init__(sentence)
        self.wait_seconds = wait_seconds
        self.shut = shut


class TorBoxRefused(TorBoxError):
    """TorBox will never do this for this input; `code` is TorBox's own word."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class TorBoxGone(TorBoxError):
    """TorBox knows no such item, or no such file in it."""


class Trouble(StrEnum):
    """What is wrong with the account."""

    KEY = "key"
    PLAN = "plan"
    MONTH = "month"


class AccountTrouble(TorBoxError):
    """Nothing will work until the account is in order; nothing fails because of it."""

    def __init__(self, trouble: Trouble, sentence: str, wait_seconds: float = 600.0) -> None:
        super().__init__(sentence)
        self.trouble = trouble
        self.wait_seconds = wait_seconds


class OurMistake(TorBoxError):
    """TorBox says that the request itself is wrong (422, unknown endpoint or option)."""


class ArrError(BridgeError):
    """An arr did not do what was asked through its own API."""


class ArrUnwell(ArrError):
    """No usable answer: whether it was done is unknown."""


class ArrRefused(ArrError):
    """The arr says no; `key` when it does not know our API key, or it has only remarks."""

    def __init__(self, sentence: str, *, key: bool = False, only_warnings: bool = False) -> None:
        super().__init__(sentence)
        self.key = key
        self.only_warnings = only_warnings


class ArrGone(ArrError):
    """The arr has no such thing."""


class NotSent(BridgeError):
    """A notification did not arrive where it should."""


class DeliveryError(BridgeError):
    """A file did not arrive; what is here of it stays."""


class LinkRefused(DeliveryError):
    """The CDN does not take this link any more."""


class CdnBusy(DeliveryError):
    """The CDN answered 429: the link is good, only later."""

    def __init__(self, sentence: str, wait_seconds: float) -> None:
        super().__init__(sentence)
        self.wait_seconds = wait_seconds


class CdnUnwell(DeliveryError):
    """The connection was cut or silent, or the answer was not the file."""


class FileDisproved(DeliveryError):
    """All bytes are here and they are not the file; `path` is relative to the torrent's folder."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


class DiskTrouble(DeliveryError):
    """The local disk refuses; the message says what a person can do."""


class DiskFull(DiskTrouble):
    """It takes nothing more."""


class TargetTaken(Refused):
    """Something else has the name that the torrent's folder should get; nothing was touched."""


class NoRoom(DeliveryError):
    """There is less room than the torrent still needs; a smaller one may fit."""


class UnfitForDisk(DeliveryError):
    """This disk can hold other files, but never this one."""


class FilesMissing(DeliveryError):
    """The folder that was to be moved is neither at its old place nor at its new one."""
