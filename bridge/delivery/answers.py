"""Which answers of the CDN carry the file that was asked for (torbox-api.md §7). Pure."""

import re
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from bridge.delivery.patience import BUSY_SECONDS
from bridge.errors import CdnBusy, CdnUnwell, LinkRefused
from bridge.model import File

MOST_BUSY_SECONDS = 2 * 3600.0

_LINK_REFUSED = {400, 401, 403, 404, 410, 451}
_REDIRECTS = {301, 302, 303, 307, 308}
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII | re.IGNORECASE)


def redirect_of(response: aiohttp.ClientResponse) -> URL | None:
    """Where the answer sends us, None if it is no redirect."""
    if response.status not in _REDIRECTS:
        return None
    try:
        return URL(response.headers.get("Location", ""), encoded=True)
    except ValueError:
        raise LinkRefused("the CDN redirects to something that is no link") from None


def check_answer(response: aiohttp.ClientResponse, start: int, file: File) -> tuple[int, int, bool]:
    """Where the body begins, how many bytes it must have, and whether the CDN vouches for that.

    It begins at `start`, or at 0 if the CDN sends nothing but whole files.
    """
    _check_status(response)
    _check_kind(response, file)
    if response.status == 206:
        return _checked_range(response, start, file.size)
    return _checked_whole(response, file.size)


def _check_status(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status in {200, 206}:
        return
    if status == 429:
        raise CdnBusy("the CDN is busy (429)", _retry_after(response))
    if status in _LINK_REFUSED:
        raise LinkRefused(f"the CDN refuses the link ({status})")
    raise CdnUnwell(f"the CDN answered {status}")


def _check_kind(response: aiohttp.ClientResponse, file: File) -> None:
    """Error pages are HTML, whatever their status and size; encoded bodies break offsets."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", ""}:
        raise CdnUnwell("the CDN sends the file encoded")
    if "html" in response.headers.get("Content-Type", "").lower():
        # A torrent may hold a page of its own. An error page never comes as the right range.
        if response.status == 206 and file.path.lower().endswith((".html", ".htm", ".xhtml")):
            return
        raise LinkRefused("the CDN sent a page instead of the file")


def _checked_range(
    response: aiohttp.ClientResponse, start: int, size: int
) -> tuple[int, int, bool]:
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if not found:
        raise CdnUnwell("the CDN does not say which part it sends")
    first, last, total = map(int, found.groups())
    if total != size:
        raise CdnUnwell(f"the CDN's file has {total:,} bytes instead of {size:,}")
    if first != start or not first <= last < total:
        raise CdnUnwell("the CDN sends another part than was asked for")
    count = last - first + 1
    if response.content_length not in {None, count}:
        raise CdnUnwell("the CDN contradicts itself about the length")
    return first, count, True


def _checked_whole(response: aiohttp.ClientResponse, size: int) -> tuple[int, int, bool]:
    length = response.content_length
    if length not in {None, size}:
        raise CdnUnwell(f"the CDN's file has {length:,} bytes instead of {size:,}")
    return 0, size, length is not None


def _retry_after(response: aiohttp.ClientResponse) -> float:
    """Seconds to wait; a date is read against the answer's own, whatever our clock says."""
    text = response.headers.get("Retry-After", "").strip()
    try:
        if re.fullmatch(r"\d{1,9}(\.\d*)?", text, re.ASCII):
            seconds = float(text)
        else:
            now = parsedate_to_datetime(response.headers.get("Date", ""))
            seconds = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return BUSY_SECONDS
    return min(max(seconds, 1.0), MOST_BUSY_SECONDS)
