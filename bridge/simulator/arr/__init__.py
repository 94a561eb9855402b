"""Sonarr, Radarr and their kin in miniature, on a real socket: they search, grab, poll and import.

They answer as arr-contract.md says (§3.3, §4.5): a queue row per episode, a delete that calls the
download client before it answers, 400 without history in the newest. Imports nothing of the bridge.
"""

from .client import Client
from .library import Release, Wanted
from .server import ArrSimulator, Call

__all__ = ["ArrSimulator", "Call", "Client", "Release", "Wanted"]
