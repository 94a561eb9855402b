"""The suite's ears for secrets do hear them."""

import gzip
import logging

import pytest
from aiohttp import web

from bridge.errors import TorBoxBusy, TorBoxUnwell
from tests.secrecy import SECRETS, Ears


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.mark.parametrize("secret", SECRETS)
async def test_a_secret_is_heard_wherever_it_is_told(ears: Ears, tmp_path, secret: str) -> None:
    told = f"see https://cdn.example{secret}?token=1"
    with ears.listening():
        logging.getLogger("bridge.somewhere").debug("asked %s", told)
        TorBoxUnwell(told)
        TorBoxBusy(told, 1.0)
        try:
            int(told)
        except ValueError:
            logging.getLogger("bridge").exception("it failed")
    assert len(ears.leaks) == 4
    packed = {"Content-Encoding": "gzip"}
    for response in (
        web.Response(text=told),
        web.Response(headers={"Location": told}, body=b""),
        web.Response(body=gzip.compress(told.encode()), headers=packed),
    ):
        await ears.answer(None, response)  # type: ignore[arg-type]
    (tmp_path / "state").write_text(told)
    ears.files(tmp_path)
    assert len(ears.leaks) == 8


def test_what_is_no_secret_is_not_heard(ears: Ears) -> None:
    with ears.listening():
        logging.getLogger("bridge").warning("Show waits for its turn")
        TorBoxUnwell("TorBox does not answer")
    assert ears.leaks == []
