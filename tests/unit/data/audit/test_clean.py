from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import SPLITS, Listing, Manifest
from pneumoscope.data import read_listing, write_manifest
from pneumoscope.data.audit import Audit, AuditFinding, Change, clean, read_audit, remedies, write_audit
from pneumoscope.data.audit.case import Case
from pneumoscope.data.audit.copies import exact_copies, patients_on_two_sides
from pneumoscope.data.survey import Survey
from tests.helpers import row
from tests.phantoms import audited, film, put

ROOT = Path("films")


def listing(*rows) -> Listing:
    return Listing(ROOT, rows)


def audit_of(films: Listing, *findings: AuditFinding) -> Audit:
    return Audit(
        manifest_digest=films.digest,
        films=len(films),
        patients=len(films),
        sources=("made-up",),
        counts={},
        checked={},
        findings=findings,
        seed=0,
        program="pneumoscope 0",
        created="2026-01-02",
    )


def finding(code, action, *groups, severity="error"):
    return AuditFinding(
        code=code, severity=severity, title=code, meaning="", remedy="", action=action, groups=tuple(groups)
    )


def cleaned(films: Listing, *findings: AuditFinding, codes=None):
    after, changes = clean(films, audit_of(films, *findings), codes or [one.code for one in findings])
    return {film.path: film for film in after.films}, changes


def test_drop_leaves_out_all_films_of_a_group():
    films = listing(row("a"), row("b"), row("c"))
    after, changes = cleaned(films, finding("conflicting-copies", "drop", ("a", "c")))
    assert list(after) == ["b"]
    assert changes == [Change("conflicting-copies", "drop", 2)]


def test_keep_one_keeps_the_first_of_each_group_and_a_label_before_none():
    films = listing(*(row(name, label=None if name == "c" else 1) for name in "abcdef"))
    after, changes = cleaned(films, finding("copies", "keep-one", ("a", "b"), ("c", "d", "e")))
    assert list(after) == ["a", "d", "f"]
    assert changes == [Change("copies", "keep-one", 3)]


@pytest.mark.parametrize(
    ("splits", "kept"),
    [
        (("train", "test"), ["1"]),
        (("train", "val"), ["1"]),
        (("test", "val"), ["0"]),
        (("test", "train", "val", "test"), ["0", "3"]),
        (("", "train"), ["1"]),
        (("train", "train"), ["0", "1"]),
    ],
)
def test_keep_held_out_keeps_the_most_held_out_split_whole(splits, kept):
    films = listing(*(row(str(i), split=split) for i, split in enumerate(splits)), row("other"))
    after, _ = cleaned(films, finding("patients-across-splits", "keep-held-out", tuple("0123"[: len(splits)])))
    assert list(after) == [*kept, "other"]


def test_forget_label_takes_label_and_subtype_and_nothing_else():
    films = listing(row("a", subtype="viral", age=3.0), row("b", subtype="viral"))
    after, changes = cleaned(films, finding("label-suspects", "forget-label", ("a",)))
    assert after == {"a": row("a", label=None, subtype="", age=3.0), "b": films.films[1]}
    assert changes == [Change("label-suspects", "forget-label", 1)]


def test_findings_are_mended_in_the_order_of_the_audit_whatever_the_user_says():
    """A film that one remedy dropped is no longer there for the next."""
    films = listing(row("a"), row("b"), row("c"))
    findings = finding("unreadable", "drop", ("a",)), finding("copies", "keep-one", ("a", "b", "c"))
    for codes in (["unreadable", "copies"], ["copies", "unreadable"]):
        after, changes = cleaned(films, *findings, codes=codes)
        assert list(after) == ["b"]
        assert [change.films for change in changes] == [1, 1]


def test_only_the_named_findings_are_mended():
    films = listing(row("a"), row("b"))
    findings = finding("unreadable", "drop", ("a",)), finding("notes", "drop", ("b",))
    after, changes = cleaned(films, *findings, codes=["notes"])
    assert (list(after), [change.code for change in changes]) == (["a"], ["notes"])


def test_nothing_to_mend_changes_nothing():
    films = listing(row("a"), row("b"))
    assert clean(films, audit_of(films, finding("shortcuts", "")), []) == (films, [])


def test_the_rest_of_the_listing_stays_as_it_is():
    films = Listing(ROOT, (row("a", note="odd"), row("b")), notes=("something lies there",))
    after, _ = clean(films, audit_of(films, finding("notes", "drop", ("b",))), ["notes"])
    assert after == Listing(ROOT, films.films[:1], films.notes)


def test_an_audit_of_other_films_is_refused():
    films = listing(row("a"), row("b"))
    other = audit_of(listing(row("a"), row("b", label=0)), finding("copies", "keep-one", ("a", "b")))
    with pytest.raises(ManifestError, match="expected the manifest that was audited") as refused:
        clean(films, other, ["copies"])
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("code", ["nonsense", "shortcuts"])
def test_a_finding_without_a_remedy_is_refused_naming_those_that_have_one(code):
    films = listing(row("a"), row("b"))
    audit = audit_of(films, finding("copies", "keep-one", ("a", "b")), finding("shortcuts", ""))
    with pytest.raises(ManifestError, match=rf"\(copies\), got {code}"):
        clean(films, audit, ["copies", code])
    assert list(remedies(audit)) == ["copies"]
    with pytest.raises(ManifestError, match="this audit has none"):
        clean(films, audit_of(films), [code])


ROWS = st.lists(
    st.tuples(st.sampled_from("pqr"), st.sampled_from("xyz"), st.sampled_from(SPLITS), st.sampled_from((1, 0, None))),
    min_size=2,
    max_size=12,
)


@settings(deadline=None)
@given(ROWS)
def test_whatever_leaks_the_mended_manifest_is_one_that_training_trusts(rows):
    films = tuple(
        row(f"{i}", patient=patient, digest=digest, split=split, label=label)
        for i, (patient, digest, split, label) in enumerate(rows)
    )
    leaky = Listing(ROOT, films)

    def errors(listed):
        case = Case(Survey(listed, np.zeros(len(listed))), {}, 0, 0)
        found = [*(patients_on_two_sides(case) or ()), *(exact_copies(case) or ())]
        return [one for one in found if one.severity == "error"]

    found = errors(leaky)
    after, _ = clean(leaky, audit_of(leaky, *found), [one.code for one in found])
    Manifest(ROOT, after.films)  # raises where anything still leaks
    assert errors(after) == []
    tested = {film.path for film in films if film.split == "test"} & {film.path for film in after.films}
    contradicted = {path for one in found if one.action == "drop" for group in one.groups for path in group}
    assert tested == {film.path for film in films if film.split == "test"} - contradicted


def planted(root: Path):
    """Everything that an audit calls an error, at once."""
    films = [put(root, f"sound{i}.png", film(50 + i), patient=f"s{i}") for i in range(4)]
    films += [
        put(root, f"patient{i}.png", film(i), patient="p", split=split) for i, split in enumerate(("train", "test"))
    ]
    films += [put(root, f"copy-{split}.png", film(9), split=split) for split in ("train", "val")]
    films += [put(root, f"label{label}.png", film(10), label=label) for label in (0, 1)]
    films += [put(root, "broken.png", b"no film")]
    return films


def test_mending_every_error_gives_a_manifest_that_training_trusts(tmp_path):
    films = planted(tmp_path)
    audit = audited(tmp_path, films)
    errors = [one.code for one in audit.findings if one.severity == "error"]
    assert sorted(errors) == ["conflicting-copies", "copies-across-splits", "patients-across-splits", "unreadable"]
    after, _ = clean(Listing(tmp_path, tuple(films)), audit, errors)
    kept = [film.path for film in Manifest(after.root, after.films).films]
    assert kept == [*(f"sound{i}.png" for i in range(4)), "patient1.png", "copy-val.png"]
    assert not [one for one in audited(tmp_path, list(after.films)).findings if one.severity == "error"]


def test_the_films_themselves_are_never_touched(tmp_path):
    films = planted(tmp_path / "films")

    def state():
        return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in (tmp_path / "films").glob("*.png")}

    before = state()
    listed = Listing(tmp_path / "films", tuple(films))
    audit = audited(tmp_path / "films", films)
    after, _ = clean(listed, audit, list(remedies(audit)))
    write_manifest(after, tmp_path / "films" / "clean.csv")
    assert len(after) < len(films)
    assert state() == before


def test_a_name_that_is_not_utf8_survives_audit_json_and_manifest(tmp_path):
    names = ["\udcffa.png", "b\udcff\udc80.png"]
    films = [put(tmp_path, name, film(1)) for name in names] + [put(tmp_path, "c.png", film(2))]
    write_audit(audited(tmp_path, films), tmp_path / "audit.json")
    audit = read_audit(tmp_path / "audit.json")
    (copies,) = (one for one in audit.findings if one.code == "copies")
    assert copies.groups == (tuple(names),)
    after, _ = clean(Listing(tmp_path, tuple(films)), audit, ["copies"])
    write_manifest(after, tmp_path / "clean.csv")
    assert [one.path for one in read_listing(tmp_path / "clean.csv").films] == [names[0], "c.png"]
    assert read_listing(tmp_path / "clean.csv").digest == after.digest
