"""What the engine can do for a torrent: one method per step of the plan."""

from collections.abc import Awaitable
from typing import assert_never

from bridge.config import Settings
from bridge.core import steps
from bridge.core.board import Board
from bridge.core.clean import Cleaner
from bridge.core.deliver import Deliverer
from bridge.core.look import Looker
from bridge.core.submit import Submitter
from bridge.core.watch import Watch
from bridge.model import Torrent


class Acts:
    """Turns a step into the act of the part that knows how."""

    def __init__(
        self,
        submitter: Submitter,
        looker: Looker,
        deliverer: Deliverer,
        cleaner: Cleaner,
        board: Board,
    ) -> None:
        self._submitter = submitter
        self.looker = looker
        self._deliverer = deliverer
        self._cleaner = cleaner
        self._board = board

    def use_settings(self, settings: Settings) -> None:
        """Other rules per category, from now on."""
        self._deliverer.use_settings(settings)

    def act(self, torrent: Torrent, step: steps.Step, watch: Watch) -> Awaitable[None]:
        """Do this step; what it raises is the engine's to judge."""
        categories = self._board.categories.values()
        match step:
            case steps.Submit():
                return self._submitter.submit(torrent, watch, step)
            case steps.Refuse():
                return self._submitter.refuse(torrent)
            case steps.Resolve():
                return self._submitter.resolve(torrent, watch)
            case steps.Nudge():
                return self._cleaner.nudge(torrent)
            case steps.PauseThere():
                return self._cleaner.pause_there(torrent, watch, paused=step.paused)
            case steps.LookUp():
                return self.looker.look_up(torrent, watch)
            case steps.Reannounce():
                return self._cleaner.reannounce(torrent, watch)
            case steps.Deliver():
                return self._deliverer.deliver(torrent, watch, categories)
            case steps.Place():
                return self._deliverer.place(torrent, categories)
            case steps.CheckFiles():
                return self._deliverer.check_files(torrent)
            case steps.Relocate():
                return self._deliverer.relocate(torrent)
            case steps.Clean():
                return self._deliverer.clean(torrent)
            case steps.AskById():
                return self.looker.ask(torrent, watch, step.torrent_id)
            case steps.Recreate():
                return self._cleaner.recreate(torrent, watch, step)
            case steps.GiveUpOn():
                return self._cleaner.give_up(torrent, watch, step.cause, step.reason)
            case steps.CleanTorBox():
                return self._cleaner.clean(torrent, watch)
            case steps.Wait():
                raise AssertionError("waiting is no act")
            case _:
                assert_never(step)
