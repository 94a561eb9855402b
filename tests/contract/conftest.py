"""What the replays share."""

import pytest

from tests.contract.playing import LAB, Player, Step, steps


@pytest.fixture(scope="session")
def recordings() -> dict[str, list[Step]]:
    return {version: steps(version) for version in ("4.5.2", "5.1.0")}


@pytest.fixture
def player_of():
    """Makes the one who plays a recording to a house."""
    return lambda house: Player(
        house.port, {f"{LAB}/downloads": str(house.downloads), LAB: str(house.downloads)}
    )
