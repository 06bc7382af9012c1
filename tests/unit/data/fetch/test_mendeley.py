from __future__ import annotations

import json

import pytest

from pneumoscope.core import FetchError
from pneumoscope.data.fetch import mendeley
from pneumoscope.data.fetch.places import Mendeley, Url
from tests.unit.data.fetch.web import Resource

PLACE = Mendeley("rscbjbr9sj", version=2, file="ChestXRay2017.zip")
LIST = "/datasets/rscbjbr9sj/files"


@pytest.fixture(autouse=True)
def api(web, monkeypatch) -> None:
    monkeypatch.setattr(mendeley, "API", web.url)


def entry(name: str) -> dict:
    """As the public API gives it, with the fields that we have no use for."""
    content = {
        "id": "f12",
        "sha256_hash": "ab" * 32,
        "content_type": "application/zip",
        "size": 1235,
        "created_date": "2018-01-06T00:16:25.133Z",
        "download_url": f"https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/{name}/file_downloaded",
        "view_url": "https://data.mendeley.com/x",
        "download_expiry_time": "2026-01-06T00:16:25.133Z",
    }
    return {"filename": name, "id": "e45", "content_details": content, "size": 1235, "status": "COMPLETED"}


def test_the_list_gives_address_size_and_digest(web, ears):
    web[LIST] = Resource(json.dumps([entry("OCT2017.tar.gz"), entry("ChestXRay2017.zip")]).encode(), statuses=[503])
    assert mendeley.locate(PLACE, ears.wire()) == Url(
        "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/ChestXRay2017.zip/file_downloaded",
        "ChestXRay2017.zip",
        "ab" * 32,
        1235,
        "https://data.mendeley.com/datasets/rscbjbr9sj/2",
    )
    assert web.asked[-1].path == f"{LIST}?folder_id=root&version=2"
    assert ears.pauses == [2.0]


def test_a_file_that_is_not_there_is_told_with_those_that_are(web, ears):
    web[LIST] = Resource(json.dumps([entry("a.zip"), entry("b.zip")]).encode())
    with pytest.raises(FetchError, match=r"rscbjbr9sj/2: expected the file ChestXRay2017\.zip, found a\.zip, b\.zip"):
        mendeley.locate(PLACE, ears.wire())


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'[{"filename": "ChestXRay2017.zip"}]', b""])
def test_another_answer_than_a_list_is_told(web, ears, answer):
    web[LIST] = Resource(answer)
    with pytest.raises(FetchError, match="expected a list of files, got something else"):
        mendeley.locate(PLACE, ears.wire())
