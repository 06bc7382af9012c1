"""Kaggle: kagglehub signs the user in and asks where the archive lies; it then comes as any other file does.

kagglehub's own download keeps no archive to check, looks at no disk, and does not resume into a folder of the user's.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Any

from pneumoscope.core import FetchError, MissingExtra
from pneumoscope.data.fetch.http import Line, Wire
from pneumoscope.data.fetch.places import Kaggle, KaggleCompetition, Url

# kagglehub sets up logging and folders when it is imported: each function imports what it needs.
# ruff: noqa: PLC0415


class NoToken(FetchError):
    """Kaggle asks for a token, and there is none, or none that it accepts."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why}. Get one at https://www.kaggle.com/settings/api (an account is free) and put it into the "
            f"environment variable KAGGLE_API_TOKEN or the file ~/.kaggle/access_token; an older ~/.kaggle/kaggle.json "
            f"does as well"
        )


def locate(place: Kaggle | KaggleCompetition, wire: Wire) -> Url:
    """Ask where the archive lies now. The address is signed: it holds for a while, and is not to be shown.

    Raises
    ------
    MissingExtra : if kagglehub is not installed.
    NoToken : if the user has no token that Kaggle accepts.
    FetchError : if Kaggle cannot be reached or refuses.
    """
    try:
        from kagglehub.clients import build_kaggle_client
        from kagglehub.config import get_kaggle_credentials
    except ModuleNotFoundError as error:
        raise MissingExtra("a download from Kaggle", "fetch") from error
    try:
        if get_kaggle_credentials() is None:
            raise NoToken("Kaggle gives its data to users with a token, and you have none")
    except ValueError as error:
        raise NoToken(f"the token for Kaggle cannot be read: {error}") from error
    line = Line(place.page, wire)
    with redirect_stdout(sys.stderr), build_kaggle_client() as client:
        address = line.insist(lambda: _address(client, place, line))
    return Url(address, f"{place.handle.split('/')[:2][-1]}.zip", page=place.page)


def _address(client: Any, place: Kaggle | KaggleCompetition, line: Line) -> str:
    """Where Kaggle sends us; the body of the answer, the archive itself, is left unread."""
    import requests

    with line.errors("https://api.kaggle.com"):
        try:
            with _ask(client, place) as answer:
                return str(answer.url)
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status == 401:
                raise NoToken("Kaggle does not accept your token (HTTP 401)") from error
            if status == 403:
                raise FetchError(
                    f"{place.page}: Kaggle refuses (HTTP 403: {error}). Accept the conditions on that page, signed in "
                    f"as yourself, and try again"
                ) from error
            line.judge(status, f"{place.page}: HTTP {status}: {error}")
            raise


def _ask(client: Any, place: Kaggle | KaggleCompetition) -> Any:
    if isinstance(place, KaggleCompetition):
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

        competition = ApiDownloadDataFilesRequest()
        competition.competition_name = place.handle
        return client.competitions.competition_api_client.download_data_files(competition)
    from kagglehub.handle import parse_dataset_handle
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    handle, wanted = parse_dataset_handle(place.handle), ApiDownloadDatasetRequest()
    wanted.owner_slug, wanted.dataset_slug = handle.owner, handle.dataset
    if handle.version:
        wanted.dataset_version_number = handle.version
    return client.datasets.dataset_api_client.download_dataset(wanted)
