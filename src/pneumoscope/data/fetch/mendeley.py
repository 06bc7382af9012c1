"""Mendeley Data: the public list of a data set's files has addresses, sizes and SHA-256, and asks for no account."""

from __future__ import annotations

import msgspec

from pneumoscope.core import FetchError
from pneumoscope.data.fetch.http import Wire, read
from pneumoscope.data.fetch.places import Mendeley, Url

API = "https://data.mendeley.com/public-api"


class _Content(msgspec.Struct):
    download_url: str
    sha256_hash: str = ""
    size: int = 0


class _File(msgspec.Struct):
    filename: str
    content_details: _Content


def locate(place: Mendeley, wire: Wire) -> Url:
    """Ask where the file lies now.

    Raises
    ------
    FetchError : if the list cannot be had or read, or does not have the file.
    """
    url = f"{API}/datasets/{place.dataset}/files?folder_id=root&version={place.version}"
    try:
        files = msgspec.json.decode(read(url, place.page, wire), type=list[_File])
    except msgspec.DecodeError as error:
        raise FetchError(f"{url}: expected a list of files, got something else ({error}); see {place.page}") from error
    for file in files:
        if file.filename == place.file:
            content = file.content_details
            return Url(content.download_url, place.file, content.sha256_hash, content.size, place.page)
    found = ", ".join(file.filename for file in files) or "nothing"
    raise FetchError(f"{place.page}: expected the file {place.file}, found {found}")
