"""What the page, its API and the metrics read from. None of it is changed here."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.clock import Clock
from bridge.config import Settings
from bridge.core.accounts import Accounts
from bridge.core.board import Board
from bridge.core.engine import Engine
from bridge.core.ledger import Ledger
from bridge.delivery.delivery import Delivery
from bridge.store.store import Store
from bridge.torbox.client import TorBox
from bridge.torbox.limits import Limits


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The parts that know."""

    settings: Settings
    ledger: Ledger
    board: Board
    engine: Engine
    accounts: Accounts
    limits: Limits
    torbox: TorBox
    delivery: Delivery
    store: Store
    kept: Mapping[str, str]
    clock: Clock
