from __future__ import annotations

import base64
import hashlib
import io
import re

import msgspec
import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import PneumoscopeError
from pneumoscope.data.audit import CHECKS, Audit, AuditFinding, Figure
from pneumoscope.report import audit_page
from pneumoscope.report.audit_page import write_audit_page
from pneumoscope.report.text import one_line
from tests.helpers import picture
from tests.phantoms import audited, film, phantom, put
from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_html import Page

EMPTY = Audit(
    manifest_digest="4f" * 32,
    films=5216,
    patients=2443,
    sources=("kermany",),
    counts={"test": {"no pneumonia": 234, "pneumonia": 390}, "train": {"no pneumonia": 1341, "pneumonia": 3875}},
    checked=dict.fromkeys(("unreadable files", "near copies"), 0),
    findings=(),
    seed=3,
    program="pneumoscope 9.9",
    created="2026-01-02T03:04:05+00:00",
)


def finding(code="copies", **changes):
    values = {"severity": "warning", "title": f"title of {code}", "meaning": "It matters.", "remedy": "Mend it."}
    return AuditFinding(code=code, **(values | changes))


@pytest.fixture
def write(tmp_path):
    def _write(*findings, root=None, **changes):
        audit = msgspec.structs.replace(EMPTY, findings=findings, **changes)
        write_audit_page(audit, root or tmp_path / "films", tmp_path / "audit.html")
        return Page((tmp_path / "audit.html").read_text(encoding="utf-8"))

    return _write


@pytest.fixture
def films(tmp_path):
    """Names of so many films that can be read."""

    def _films(count):
        for i in range(count):
            put(tmp_path / "films", f"{i:03}.png", film(i))
        return [f"{i:03}.png" for i in range(count)]

    return _films


def pixels(address):
    kind, _, data = address.partition(";base64,")
    assert kind == "data:image/jpeg"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_header_says_what_was_audited(write):
    page = write()
    assert "Audit of 5,216 films" in page.text
    assert "Source: kermany. Manifest" in page.text
    for count in ("films 5,216", "patient keys 2,443", "errors 0", "warnings 0", "notes 0"):
        assert count in page.text
    assert page.all("code", title=f"SHA-256 {'4f' * 32}")
    assert "pneumoscope 9.9, 2026-01-02T03:04:05+00:00, seed 3" in page.text


def test_films_are_counted_by_split_and_label(write):
    text = write().text
    assert "split pneumonia no pneumonia all train 3,875 1,341 5,216 test 390 234 624" in text


def test_splits_and_labels_that_are_not_stated_are_counted_too(write):
    text = write(counts={"no split": {"label not stated": 2}, "val": {"pneumonia": 1}}).text
    assert "split pneumonia label not stated all val 1 0 1 no split 0 2 2" in text


def test_what_was_checked_in_vain_and_what_was_not_checked_are_told_apart(write):
    page = write(finding(), checked={"exact copies": 1, "near copies": 0, "patient keys": 0})
    assert "Checked and nothing found: near copies, patient keys." in page.text
    told = re.search("Not checked, for want of labels, splits, patients or a model: ([^.]*)", page.text)
    assert set(told[1].split(", ")) == set(CHECKS) - {"exact copies", "near copies", "patient keys"}


def test_no_findings_are_said_to_be_none(write):
    page = write(checked=dict.fromkeys(CHECKS, 0))
    assert "Findings There are none." in page.text
    assert "Not checked" not in page.text


def test_each_finding_is_told_in_full_in_the_order_of_the_audit(write):
    page = write(
        finding("leak", severity="error", title="Worst", meaning="Reason one.", remedy="Remedy one."),
        finding("odd", severity="note", title="Least", meaning="Reason two.", remedy="Remedy two."),
    )
    sections = [section for section in page.all("section") if "id" in section]
    assert [(one["class"], one["id"]) for one in sections] == [("error", "finding-0"), ("note", "finding-1")]
    assert [link["href"] for link in page.all("a")] == ["#finding-0", "#finding-1"]
    assert "error Worst leak Reason one. What to do: Remedy one. note Least odd Reason two." in page.text


def test_a_finding_that_can_be_mended_gives_the_command(write):
    command = "pneumoscope data clean MANIFEST --audit audit.json --apply copies --out FILE"
    assert command in write(finding(action="keep-one")).text
    assert "data clean" not in write(finding()).text


def test_figures_are_a_table_and_counts_have_no_decimals(write):
    figures = (Figure(what="groups in train", value=24, films=1050), Figure(what="share", value=0.1234, films=7))
    page = write(finding(figures=figures))
    assert "measured films value groups in train 1,050 24 share 7 0.123" in page.text
    assert not page.all("svg")


def test_intervals_are_drawn_on_one_scale_from_0_to_1(write):
    figures = (
        Figure(what="AUC of texture, train", value=0.75, films=5216, low=0.5, high=1.0),
        Figure(what="AUC of texture, test", value=1.0, films=624, low=0.25, high=1.0),
    )
    page = write(finding(figures=figures))
    assert "AUC of texture, train 5,216 0.750 0.500 to 1.000 AUC of texture, test 624 1.000 0.250 to 1.000" in page.text
    ((_, _, width, _),) = {tuple(map(float, one["viewbox"].split())) for one in page.all("svg")}
    ranges = [
        re.fullmatch(r"M([\d.]+) 8H([\d.]+)", one["d"]).groups() for one in page.all("path", **{"class": "range"})
    ]
    assert [tuple(float(x) / width for x in ends) for ends in ranges] == [(0.5, 1), (0.25, 1)]
    assert [float(one["cx"]) / width for one in page.all("circle")] == [0.75, 1]
    assert {one["d"] for one in page.all("path", **{"class": "guess"})} == {f"M{width / 2:g} 0V16"}


def test_groups_are_shown_side_by_side_with_their_remarks(write, films):
    names = films(5)
    page = write(finding(groups=(tuple(names[:2]), tuple(names[2:])), remarks=("remark one", "remark two")))
    assert len(page.all("div", **{"class": "group"})) == 2
    assert [one["alt"] for one in page.all("img")] == [""] * 5
    assert "remark one 000.png 001.png remark two 002.png 003.png 004.png" in page.text
    assert not page.all("details")


def test_the_pictures_are_those_of_the_films(write, films):
    page = write(finding(groups=tuple((name,) for name in films(2))))
    for i, image in enumerate(page.all("img")):
        drawn = pixels(image["src"])
        assert drawn.shape == (160, 160)
        original = np.asarray(Image.fromarray(phantom(i)).resize((160, 160), Image.Resampling.BILINEAR))
        assert np.corrcoef(drawn.ravel(), original.ravel())[0, 1] > 0.98


def test_single_films_are_one_row_with_a_remark_below_each(write, films):
    page = write(finding(groups=tuple((name,) for name in films(3)), remarks=("one", "two", "three")))
    assert "000.png one 001.png two 002.png three" in page.text
    assert not page.all("div", **{"class": "group"})


def test_a_film_in_two_findings_is_drawn_once(write, films, tmp_path):
    names = films(3)
    told = []

    def progress(items, total):
        told.append(total)
        return items

    audit = msgspec.structs.replace(
        EMPTY, findings=(finding(groups=(tuple(names),)), finding("x", groups=(names[:1],)))
    )
    write_audit_page(audit, tmp_path / "films", tmp_path / "audit.html", progress=progress)
    assert told == [3]
    assert len(Page((tmp_path / "audit.html").read_text()).all("img")) == 4


def test_films_that_cannot_be_read_have_a_placeholder(write, films, tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "broken.png").write_bytes(b"no film")
    page = write(finding(groups=(("broken.png", "gone.png", films(1)[0]),)))
    assert len(page.all("img")) == 1
    assert "cannot be read broken.png cannot be read gone.png" in page.text


def test_unreadable_files_are_a_list_with_their_reasons(write):
    page = write(finding("unreadable", groups=(("a.png",), ("b.png",)), remarks=("cut short", "no film")))
    assert not page.all("div", **{"class": "absent"})
    assert not page.all("details")
    assert "a.png cut short b.png no film" in page.text


def test_more_groups_than_fit_are_named_and_the_rest_is_counted(write):
    """A group of six, and 600 of two films, none of which exist."""
    groups = (tuple(f"six{i}" for i in range(6)), *((f"{i}a", f"{i}b") for i in range(600)))
    page = write(finding(groups=groups, remarks=tuple(f"remark {i}" for i in range(601))))
    assert len(page.all("div", **{"class": "group"})) == 24
    assert len(page.all("figure")) == 4 + 23 * 2
    assert "and 2 more films named below" in page.text
    assert f"{2 + 577 * 2:,} films by name six4 remark 0 six5 23a remark 24 23b 24a" in page.text
    assert len([one for one in page.all("li") if one.get("class") == "same" or not one]) >= 500
    assert f"and {2 + 577 * 2 - 500} more films in audit.json" in page.text


def test_a_full_page_draws_no_more_films(write, films, monkeypatch):
    names = films(12)
    monkeypatch.setattr(audit_page, "_ROOM", 15_000)
    page = write(finding(groups=tuple((name,) for name in names)))
    assert 1 <= len(page.all("img")) < 12
    assert sum(len(one["src"]) for one in page.all("img")) <= 15_000
    assert page.text.count("not drawn") == 12 - len(page.all("img"))


def test_the_page_stays_small_whatever_was_found(write, tmp_path):
    """Names and notes may be as long as they like, findings, films and sources as many; pictures have their room."""
    groups = tuple((f"{'folder/' * 600}{i}.png",) for i in range(3000))
    findings = [
        finding(f"{i}", title="x" * 5000, groups=groups, remarks=("y" * 5000,) * 3000) for i in range(len(CHECKS))
    ]
    page = write(*findings, *[finding()] * 500, sources=tuple(f"{'z' * 500}{i}" for i in range(5000)))
    assert audit_page._ROOM + (tmp_path / "audit.html").stat().st_size < 10_000_000
    assert "and 4,988 more" in page.text
    assert f"and {len(findings) + 500 - 100} more findings in audit.json" in page.text


def test_the_noisiest_film_takes_little_room(write, tmp_path):
    """So that a finding's 96 pictures can never fill the page alone."""
    put(tmp_path / "films", "a.png", picture(np.random.default_rng(0).integers(0, 256, (224, 224), dtype=np.uint8)))
    (image,) = write(finding(groups=(("a.png",),))).all("img")
    assert 96 * len(image["src"]) < audit_page._ROOM


def test_text_from_outside_is_shown_and_never_acted_on(write, tmp_path):
    figures = tuple(Figure(what=text, value=1, films=1) for text in HOSTILE)
    findings = [
        finding("x", title=text, groups=((text, "two"), (text,)), remarks=(text, text), figures=figures, action="drop")
        for text in HOSTILE
    ]
    lists = [finding("unreadable", groups=((text,),), remarks=(text,)) for text in HOSTILE]
    page = write(*findings, *lists, sources=tuple(HOSTILE[:10]), counts={text: {text: 1} for text in HOSTILE})
    for text in HOSTILE:
        assert " ".join(one_line(text).split()) in page.text
    assert len(page.all("script")) == 1
    assert not [one for one in page.elements if any(name.startswith("on") for name in one[1])]
    assert {one["src"].partition(",")[0] for one in page.all("img")} <= {"data:image/jpeg;base64"}
    raw = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", raw)


def test_the_policy_of_the_page_allows_what_it_holds_and_nothing_else(write, tmp_path):
    page = write(finding(figures=(Figure(what="AUC", value=0.5, films=1, low=0.4, high=0.6),)))
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert "default-src 'none'" in policy
    raw = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert " style=" not in raw
    style = re.search("<style>(.*?)</style>", raw, re.DOTALL)[1]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy


def test_a_place_that_cannot_be_written_is_named(write, tmp_path):
    (tmp_path / "taken").write_text("a file")
    for path in (tmp_path / "taken" / "audit.html", tmp_path):
        with pytest.raises(PneumoscopeError, match="cannot write the report"):
            write_audit_page(EMPTY, tmp_path, path)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_failure_leaves_the_old_page_whole(write, tmp_path, monkeypatch):
    write()
    before = (tmp_path / "audit.html").read_bytes()
    monkeypatch.setattr(audit_page, "document", lambda *_: pytest.fail("stopped"))
    with pytest.raises(pytest.fail.Exception):
        write(finding())
    assert (tmp_path / "audit.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["audit.html"]


def test_a_real_audit_becomes_a_page(tmp_path):
    films = [put(tmp_path / "films", f"{i}.png", film(i), label=i % 2) for i in range(4)]
    films += [put(tmp_path / "films", "copy.png", film(0), label=1), put(tmp_path / "films", "broken.png", b"no film")]
    write_audit_page(audited(tmp_path / "films", films), tmp_path / "films", tmp_path / "audit.html")
    page = Page((tmp_path / "audit.html").read_text(encoding="utf-8"))
    assert "errors 2 warnings 0" in page.text
    assert len(page.all("img")) == 2
    assert "0.png copy.png" in page.text
    assert "1 film cannot be read" in page.text
