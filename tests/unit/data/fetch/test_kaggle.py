"""kagglehub's own client against Kaggle's address on this machine."""

from __future__ import annotations

import base64
import json
import sys

import pytest

from pneumoscope.core import FetchError, MissingExtra
from pneumoscope.data.fetch import kaggle
from pneumoscope.data.fetch.http import download
from pneumoscope.data.fetch.places import Kaggle, KaggleCompetition
from tests.unit.data.fetch.web import NOISE, Resource

env = pytest.importorskip("kagglesdk.kaggle_env")

DATASET, COMPETITION = (
    "/api/v1/datasets.DatasetApiService/DownloadDataset",
    "/api/v1/competitions.CompetitionApiService/DownloadDataFiles",
)
PLACE = Kaggle("paultimothymooney/chest-xray-pneumonia")


@pytest.fixture(autouse=True)
def here(web, monkeypatch, tmp_path) -> None:
    """Kaggle is on this machine, and the user's own token is out of sight."""
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setitem(env._env_to_endpoint, env.KaggleEnv.LOCAL, web.url)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / ".kaggle"))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    for path in (DATASET, COMPETITION):
        web[path] = Resource(redirect=f"{web.url}/bucket/17810/archive.zip?Signature=secret")
    web["/bucket/17810/archive.zip"] = Resource()


@pytest.fixture
def token(monkeypatch) -> str:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "my-token")
    return "Bearer my-token"


@pytest.mark.parametrize(
    ("handle", "version"), [(PLACE.handle, {}), (f"{PLACE.handle}/versions/2", {"datasetVersionNumber": 2})]
)
def test_kaggle_tells_where_the_archive_lies(web, token, ears, handle, version):
    file = kaggle.locate(Kaggle(handle), ears.wire())
    assert file.url == f"{web.url}/bucket/17810/archive.zip?Signature=secret"
    assert (file.filename, file.page) == ("chest-xray-pneumonia.zip", f"https://www.kaggle.com/datasets/{handle}")
    asked = web.asked[0]
    assert (asked.method, asked.headers["Authorization"]) == ("POST", token)
    expected = {"ownerSlug": "paultimothymooney", "datasetSlug": "chest-xray-pneumonia"} | version
    assert {name: value for name, value in asked.json.items() if value} == expected


def test_the_archive_comes_from_there_without_the_token(web, token, tmp_path, ears):
    got = download(kaggle.locate(PLACE, ears.wire()), tmp_path, ears.wire())
    assert got.path.read_bytes() == NOISE
    assert got.url == f"{web.url}/bucket/17810/archive.zip"
    assert "Authorization" not in web.asked[-1].headers


def test_a_competition_is_asked_for_by_its_name(web, token, ears):
    file = kaggle.locate(KaggleCompetition("rsna-pneumonia-detection-challenge"), ears.wire())
    assert file.filename == "rsna-pneumonia-detection-challenge.zip"
    assert web.asked[0].path == COMPETITION
    assert web.asked[0].json == {"competitionName": "rsna-pneumonia-detection-challenge"}


def test_an_older_token_does_as_well(web, tmp_path, ears):
    (tmp_path / ".kaggle").mkdir()
    (tmp_path / ".kaggle" / "kaggle.json").write_text(json.dumps({"username": "me", "key": "mine"}))
    kaggle.locate(PLACE, ears.wire())
    assert web.asked[0].headers["Authorization"] == f"Basic {base64.b64encode(b'me:mine').decode()}"


def test_no_token_is_told_with_where_to_get_one_and_where_to_put_it(web, ears):
    with pytest.raises(kaggle.NoToken) as caught:
        kaggle.locate(PLACE, ears.wire())
    for word in ("https://www.kaggle.com/settings/api", "KAGGLE_API_TOKEN", "~/.kaggle/access_token"):
        assert word in str(caught.value)
    assert web.asked == []


def test_a_damaged_token_is_told(tmp_path, ears):
    (tmp_path / ".kaggle").mkdir()
    (tmp_path / ".kaggle" / "kaggle.json").write_text('{"username": "me"}')
    with pytest.raises(kaggle.NoToken, match=r"cannot be read: .*kaggle\.json is missing 'key' key"):
        kaggle.locate(PLACE, ears.wire())


def test_a_token_that_kaggle_does_not_accept(web, token, ears):
    web[DATASET].statuses.append(401)
    with pytest.raises(kaggle.NoToken, match="does not accept your token"):
        kaggle.locate(PLACE, ears.wire())


def test_a_competition_whose_rules_were_not_accepted(web, token, ears):
    web[COMPETITION].statuses.append(403)
    with pytest.raises(
        FetchError, match=r"competitions/rsna/rules: Kaggle refuses .*Accept the conditions on that page"
    ):
        kaggle.locate(KaggleCompetition("rsna"), ears.wire())


def test_a_data_set_that_kaggle_no_longer_has(web, token, ears):
    web[DATASET].statuses.append(404)
    with pytest.raises(FetchError, match=r"chest-xray-pneumonia: HTTP 404: .*by hand from https://www\.kaggle\.com/"):
        kaggle.locate(PLACE, ears.wire())


def test_a_busy_kaggle_is_asked_again(web, token, ears):
    web[DATASET].statuses += [503, 429]
    assert kaggle.locate(PLACE, ears.wire()).filename == "chest-xray-pneumonia.zip"
    assert ears.pauses == [2.0, 4.0]


def test_no_network_is_one_line(nobody, token, ears, monkeypatch):
    monkeypatch.setitem(env._env_to_endpoint, env.KaggleEnv.LOCAL, nobody)
    with pytest.raises(
        FetchError, match=r"no connection to api\.kaggle\.com: Connection refused.*by hand from [^\n]*$"
    ):
        kaggle.locate(PLACE, ears.wire())


def test_without_kagglehub_the_extra_is_named(monkeypatch, ears):
    monkeypatch.setitem(sys.modules, "kagglehub.clients", None)
    with pytest.raises(MissingExtra, match=r"a download from Kaggle needs the 'fetch' extra"):
        kaggle.locate(PLACE, ears.wire())


def test_nothing_of_kagglehubs_own_comes_on_stdout(web, token, ears, capsys, monkeypatch):
    monkeypatch.setattr("kagglehub.clients.already_printed_version_warning", False)
    web["/bucket/17810/archive.zip"].headers["X-Kaggle-HubVersion"] = "99.0"
    kaggle.locate(PLACE, ears.wire())
    out, err = capsys.readouterr()
    assert out == ""
    assert "outdated" in err
