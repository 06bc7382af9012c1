from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from pneumoscope.core import ManifestError, MissingExtra
from pneumoscope.core.manifest import Listing
from pneumoscope.data.audit import CHECKS, Audit, AuditFinding, Figure, read_audit, write_audit
from tests.phantoms import audited, film, put, ward


def codes(audit: Audit) -> list[str]:
    return [finding.code for finding in audit.findings]


def test_sound_films_give_notes_alone(clean_audit):
    assert {finding.severity for finding in clean_audit.findings} == {"note"}
    assert sorted(codes(clean_audit)) == [
        "shift-train-test-no-pneumonia",
        "shift-train-test-pneumonia",
        "shortcuts",
    ]


def test_an_audit_says_what_it_looked_at(clean_audit, clean_ward):
    root, films = clean_ward
    assert (clean_audit.films, clean_audit.patients, clean_audit.sources) == (96, 48, ("made-up",))
    assert clean_audit.manifest_digest == Listing(root, tuple(films)).digest
    assert clean_audit.counts == {split: {"no pneumonia": 24, "pneumonia": 24} for split in ("test", "train")}
    assert datetime.fromisoformat(clean_audit.created).tzinfo is not None


def test_a_check_that_found_nothing_can_be_told_from_one_that_did_not_run(clean_audit):
    assert list(clean_audit.checked) == [name for name in CHECKS if name != "label suspects"]
    assert sum(clean_audit.checked.values()) == len(clean_audit.findings)
    assert clean_audit.checked["shift between splits"] == 2
    assert clean_audit.checked["near copies"] == 0


def test_the_same_seed_gives_the_same_audit(clean_audit, clean_ward):
    again = audited(*clean_ward)
    assert msgspec.structs.replace(again, created=clean_audit.created) == clean_audit


def test_findings_come_worst_first(tmp_path):
    films = ward(tmp_path, patients=2)
    films.append(put(tmp_path, "broken.png", b"no film", label=None))
    films.append(put(tmp_path, "copy.png", (tmp_path / films[0].path).read_bytes(), label=0))
    severities = [finding.severity for finding in audited(tmp_path, films).findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert set(severities) == {"error", "warning", "note"}


def test_without_splits_none_is_compared_and_shortcuts_are_sought_in_all_films(tmp_path):
    audit = audited(tmp_path, [replace(one, split="") for one in ward(tmp_path, patients=3)])
    assert audit.counts == {"no split": {"no pneumonia": 12, "pneumonia": 12}}
    assert not {"patients in two splits", "shift between splits"} & set(audit.checked)
    (shortcuts,) = (finding for finding in audit.findings if finding.code == "shortcuts")
    assert {figure.films for figure in shortcuts.figures} == {24}


def test_without_labels_nothing_is_said_about_classes(tmp_path):
    audit = audited(tmp_path, [replace(one, label=None) for one in ward(tmp_path, patients=2)])
    assert codes(audit) == ["unlabelled"]
    assert audit.counts == {split: {"label not stated": 8} for split in ("test", "train")}
    assert not {"shortcuts", "shift between splits"} & set(audit.checked)


def test_a_single_film_can_be_audited(tmp_path):
    audit = audited(tmp_path, [put(tmp_path, "a.png", film(1))])
    assert codes(audit) == ["one-class"]
    assert not {"exact copies", "near copies", "shortcuts"} & set(audit.checked)


@pytest.mark.parametrize("count", [1, 3])
def test_films_none_of_which_can_be_read_can_be_audited(tmp_path, count):
    audit = audited(tmp_path, [put(tmp_path, f"{i}.png", f"no film {i}".encode(), label=i % 2) for i in range(count)])
    assert codes(audit)[0] == "unreadable"
    assert not {"near copies", "shortcuts", "colour containers", "burnt-in markers"} & set(audit.checked)


def test_no_films_at_all_are_no_clean_bill(tmp_path):
    with pytest.raises(ManifestError, match="expected films to audit"):
        audited(tmp_path, [])


def test_scikit_learn_is_asked_for_by_name(clean_ward, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    with pytest.raises(MissingExtra, match="pneumoscope\\[evaluate\\]"):
        audited(*clean_ward)


def made_up(**changes: object) -> Audit:
    finding = AuditFinding(
        code="copies",
        severity="warning",
        title="2 films",
        meaning="They are one.",
        remedy="Keep one.",
        action="keep-one",
        groups=(("a/\udcff.png", "\N{LATIN SMALL LETTER E WITH ACUTE} <b>.png"),),
        remarks=("patient '\udc80'",),
        figures=(Figure(what="AUC", value=0.1 + 0.2, films=2, low=1e-300, high=1 / 3),),
    )
    values = {
        "manifest_digest": "ab" * 32,
        "films": 2,
        "patients": 1,
        "sources": ("one", "\udcfe"),
        "counts": {"train": {"pneumonia": 2}},
        "checked": {"exact copies": 1, "near copies": 0},
        "findings": (finding,),
        "seed": 3,
        "program": "pneumoscope 0",
        "created": "2026-01-02T03:04:05+00:00",
    }
    return Audit(**(values | changes))


def test_what_was_written_reads_back_as_it_was(tmp_path, clean_audit):
    for audit in (made_up(), clean_audit):
        write_audit(audit, tmp_path / "deep" / "audit.json")
        assert read_audit(tmp_path / "deep" / "audit.json") == audit


def test_the_file_is_plain_json(tmp_path):
    write_audit(made_up(), tmp_path / "audit.json")
    text = (tmp_path / "audit.json").read_bytes().decode("ascii")
    assert json.loads(text)["findings"][0]["groups"] == [["a/\udcff.png", "é <b>.png"]]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": 1}', "\xff", '{"findings": NaN}', "null"],
)
def test_a_file_that_is_no_audit_is_refused(tmp_path, text):
    (tmp_path / "audit.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ManifestError, match=r"expected the audit\.json of 'pneumoscope data audit'"):
        read_audit(tmp_path / "audit.json")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ManifestError, match=r"expected the audit\.json"):
            read_audit(path)


def test_a_misspelt_field_is_refused(tmp_path):
    write_audit(made_up(), tmp_path / "audit.json")
    text = (tmp_path / "audit.json").read_text()
    (tmp_path / "audit.json").write_text(text.replace('"action": "keep-one"', '"action": "burn"'))
    with pytest.raises(ManifestError, match="action"):
        read_audit(tmp_path / "audit.json")
    (tmp_path / "audit.json").write_text(text.replace('"remedy"', '"remdey"'))
    with pytest.raises(ManifestError, match="remdey"):
        read_audit(tmp_path / "audit.json")


def test_an_audit_of_a_later_schema_is_refused(tmp_path):
    write_audit(made_up(schema=2), tmp_path / "audit.json")
    with pytest.raises(ManifestError, match="schema 1, got 2; run the audit again"):
        read_audit(tmp_path / "audit.json")
