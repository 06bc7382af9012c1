from __future__ import annotations

import io
import threading
from math import exp
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pydicom import dcmread

from pneumoscope.bundle.spec import Certainty, Code, Label, Sample
from pneumoscope.core import Failure, Reading, UnreadableFilm, UnsupportedFilm
from pneumoscope.core.files import sha256_bytes
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.predict import Predictor
from pneumoscope.stats.calibration import Calibration
from tests.helpers import (
    CELL,
    RAMP,
    SIZE,
    chest,
    flat,
    picture,
    tiny_contents,
    tiny_gate,
    tiny_golden,
    tiny_graph,
    tiny_spec,
    write_gated,
    write_second,
    write_tiny,
)

GREY_40 = 1 / (1 + exp(1.1))
"""Probability of a film of grey 0.4 (102 of 255): the logit is 4 * (2 * 0.4 - 1) = -0.8, the score 2 * -0.8 + 0.5."""


def outcomes(predictor: Predictor, *films: Path, **options: Any) -> list[Any]:
    return list(predictor.read_many(films, lambda outcome, _: outcome, **options))


def test_a_reading_says_what_was_read_and_by_what(predictor, tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(flat(102))
    reading = predictor.read(path)
    assert reading.film == str(path)
    assert reading.film_digest == sha256_bytes(flat(102))
    assert reading.bundle_digest == predictor.bundle.digest
    assert reading.finding == reading.findings[0]
    assert len(reading.findings) == 1
    finding = reading.finding
    assert (finding.label, finding.operating_point, finding.threshold) == ("pneumonia", "balanced", 0.5)
    assert finding.probability == pytest.approx(GREY_40, abs=1e-6)
    assert finding.positive is False
    assert finding.sure is None
    ms = reading.milliseconds
    assert min(ms.decode, ms.prepare, ms.infer) > 0
    assert ms.total == ms.decode + ms.prepare + ms.infer


def test_a_path_its_name_and_its_bytes_are_one_film(predictor, tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(picture(RAMP))
    readings = [predictor.read(source) for source in (path, str(path), path.read_bytes())]
    assert len({(reading.findings, reading.film_digest) for reading in readings}) == 1
    assert [reading.film for reading in readings] == [str(path), str(path), "<bytes>"]
    assert predictor.read(path, name="bed 7").film == "bed 7"


def test_a_dicom_dataset_is_read_with_its_header(predictor, make_dicom):
    data = make_dicom(np.full((24, 32), 102, np.uint8), ViewPosition="LL", WindowCenter=128, WindowWidth=256)
    reading = predictor.read(dcmread(io.BytesIO(data)))
    assert reading.finding.probability == pytest.approx(GREY_40, abs=1e-6)
    assert "wrong-view" in [flag.code for flag in reading.flags]


def test_films_are_resized_to_the_networks_size(predictor):
    assert predictor.read(flat(102, (700, 333))).finding.probability == pytest.approx(GREY_40, abs=1e-6)


def test_what_the_reader_did_to_the_film_is_noted(predictor):
    film = picture(np.full((24, 32), 26214, np.uint16))
    reading = predictor.read(film)
    assert reading.notes == ("16-bit values scaled by their full range 65535; the largest one is 26214",)
    assert reading.finding.probability == pytest.approx(GREY_40, abs=1e-5)


def test_the_heat_map_is_the_evidence_of_each_cell_against_strong_evidence(predictor):
    reading = predictor.read(picture(RAMP))
    cells = (RAMP / 255).reshape(3, CELL, 4, CELL).mean(axis=(1, 3))
    expected = np.clip((2 * 4 * (2 * cells - 1) + 0.5) / 6.0, 0, 1)
    assert 0 < np.mean((expected > 0) & (expected < 1)) < 1
    assert reading.heatmap.dtype == np.float32
    np.testing.assert_allclose(reading.heatmap, expected, atol=1e-6)
    assert predictor.read(picture(RAMP), heatmap=False).heatmap is None


def test_the_operating_point_decides(tiny_bundle):
    sensitive = Predictor.open(tiny_bundle, operating_point="sensitive").read(flat(102)).finding
    assert (sensitive.operating_point, sensitive.threshold, sensitive.positive) == ("sensitive", 0.2, True)
    assert sensitive.probability == pytest.approx(GREY_40, abs=1e-6)
    with pytest.raises(ValueError, match="balanced, sensitive"):
        Predictor.open(tiny_bundle, operating_point="specific")


@pytest.mark.parametrize(("offset", "positive"), [(0.0, True), (1e-12, False)])
def test_a_probability_at_the_threshold_is_positive(predictor, offset, positive):
    exact = predictor.read(flat(102)).finding.probability
    point = msgspec.structs.replace(predictor.operating_point, threshold=exact + offset)
    assert Predictor(predictor.bundle, predictor.engine, point).read(flat(102)).finding.positive is positive


def test_every_label_has_a_finding_by_its_own_calibration(predictor, tmp_path):
    labels = tuple(
        Label(
            name=name,
            code=Code(scheme="x", value="y", meaning="z"),
            calibration=Calibration(1.0, intercept, 0.5),
            strong_evidence=1.0,
        )
        for name, intercept in (("one", 0.8), ("two", -0.2))
    )
    films = tiny_golden()
    golden = type(films)(
        films.films, dict(films.outputs) | {n: np.repeat(films.outputs[n], 2, axis=1) for n in ("logits", "cam")}
    )
    path = write_tiny(tmp_path / "a", tiny_contents(tiny_graph(classes=2), golden.to_bytes()), labels=labels)
    findings = Predictor.open(path).read(flat(102)).findings
    assert [finding.label for finding in findings] == ["one", "two"]
    assert [finding.probability for finding in findings] == pytest.approx([0.5, 1 / (1 + exp(1))], abs=1e-6)


def test_a_film_that_cannot_be_read_is_refused(predictor, tmp_path):
    with pytest.raises(UnreadableFilm):
        predictor.read(b"no film")
    with pytest.raises(UnreadableFilm):
        predictor.read(tmp_path / "none.png")
    with pytest.raises(UnsupportedFilm):
        predictor.read(picture(np.tile(np.array([255, 0, 0], np.uint8), (32, 32, 1))))


@pytest.fixture
def ward(tmp_path: Path) -> list[Path]:
    """Twelve films, the fourth cut short, the ninth in colour, the tenth not there."""
    films = [flat(20 * i) for i in range(12)]
    films[3] = films[3][:50]
    films[8] = picture(np.tile(np.array([255, 0, 0], np.uint8), (32, 32, 1)))
    paths = [tmp_path / f"{i}.png" for i in range(12)]
    for path, film in zip(paths, films, strict=True):
        path.write_bytes(film)
    paths[9].unlink()
    return paths


@pytest.mark.parametrize("jobs", [1, 3, None])
def test_bad_films_are_rows_in_their_place(predictor, ward, jobs):
    found = outcomes(predictor, *ward, jobs=jobs)
    assert [outcome.film for outcome in found] == [str(path) for path in ward]
    failures = {i: outcome for i, outcome in enumerate(found) if isinstance(outcome, Failure)}
    assert {i: failure.code for i, failure in failures.items()} == {3: "unreadable", 8: "unsupported", 9: "unreadable"}
    assert "no such file" in failures[9].error
    probabilities = [outcome.finding.probability for outcome in found if isinstance(outcome, Reading)]
    assert probabilities == sorted(set(probabilities))  # each brighter than the one before
    assert probabilities[0] == pytest.approx(1 / (1 + exp(7.5)))


def test_each_outcome_is_handled_with_its_film_in_the_thread_that_read_it(predictor, ward):
    def then(outcome: Any, film: Any) -> tuple[str, int | None, bool]:
        grey = None if film is None else round(255 * float(film.pixels[0, 0]))
        return outcome.film, grey, threading.current_thread() is threading.main_thread()

    expected = [(str(path), None if i in {3, 8, 9} else 20 * i, False) for i, path in enumerate(ward)]
    assert list(predictor.read_many(ward, then, jobs=2)) == expected


def test_a_mistake_of_the_caller_is_not_taken_for_a_bad_film(predictor, ward):
    def then(outcome: Any, _: Any) -> None:
        raise ZeroDivisionError(outcome.film)

    with pytest.raises(ZeroDivisionError, match=r"0\.png"):
        list(predictor.read_many(ward, then))


def test_heat_maps_are_made_only_when_asked_for(predictor, ward):
    assert [outcome.heatmap is None for outcome in outcomes(predictor, ward[0], heatmap=False)] == [True]
    assert [outcome.heatmap.shape for outcome in outcomes(predictor, ward[0])] == [(3, 4)]


def test_films_are_drawn_only_a_little_ahead(predictor, ward):
    drawn: list[int] = []
    endless = (drawn.append(1) or ward[0] for _ in iter(int, 1))
    readings = predictor.read_many(endless, lambda outcome, _: outcome, jobs=2)
    for _ in range(5):
        assert isinstance(next(readings), Reading)
    readings.close()
    assert len(drawn) < 30


def test_an_answer_is_sure_where_the_bundle_says_so(tmp_path):
    sample = Sample(films=40, patients=40)
    known = Certainty(
        yes_from=0.3, no_to=0.7, error_rate=0.05, positive=sample, negative=sample, data="films", chosen="2026-01-02"
    )
    label = msgspec.structs.replace(tiny_spec().labels[0], certainty=known)
    bundle = write_tiny(tmp_path / "b", labels=(label,))
    found = {g: Predictor.open(bundle).read(flat(g)).finding for g in (60, 110, 127, 200)}
    assert [(f.positive, f.sure) for f in found.values()] == [
        (False, True),
        (False, False),
        (True, False),
        (True, True),
    ]
    screening = Predictor.open(bundle, operating_point="sensitive").read(flat(100)).finding
    assert 0.2 < screening.probability < 0.3
    assert (screening.positive, screening.sure) == (True, False)  # it says yes where only no is possible


# A second answer


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_second(tmp_path_factory.mktemp("bundles") / "second")


def test_a_second_answer_is_told_only_beside_a_positive_first_one(second):
    """Greys 100, 150 and 230: pneumonia of 0.22, 0.88 and >0.99; bacterial of 0.99, 0.92 and 0.12."""
    predictor = Predictor.open(second)
    none, bacterial, viral = (predictor.read(flat(grey)) for grey in (100, 150, 230))
    assert [finding.label for finding in none.findings] == ["pneumonia"]
    assert not none.finding.positive
    for reading, positive in ((bacterial, True), (viral, False)):
        first, other = reading.findings
        assert (first.label, first.given, first.positive) == ("pneumonia", None, True)
        assert (other.label, other.given, other.otherwise) == ("bacterial", "pneumonia", "viral")
        assert other.positive is positive


def test_its_threshold_is_its_own_at_every_operating_point(second):
    for name in ("balanced", "sensitive"):
        other = Predictor.open(second, operating_point=name).read(flat(204)).findings[1]
        assert (other.operating_point, other.threshold) == ("balanced", 0.4)
        assert other.probability == pytest.approx(1 / (1 + exp(0.8)), abs=1e-6)
        assert not other.positive


def test_the_first_answer_and_its_heat_map_are_those_of_a_bundle_without_a_second(second, predictor):
    for film in (flat(100), picture(RAMP), flat(230)):
        alone, among = predictor.read(film), Predictor.open(second).read(film)
        assert among.finding == alone.finding
        np.testing.assert_array_equal(among.heatmap, alone.heatmap)


def test_for_measuring_everything_is_asked(second):
    predictor = Predictor.open(second)
    asked = predictor.asking_all().read(flat(100))
    assert [finding.label for finding in asked.findings] == ["pneumonia", "bacterial"]
    assert len(predictor.read(flat(100)).findings) == 1, "the predictor itself asks what it did"


UPSIDE_DOWN = np.ascontiguousarray(np.rot90(chest(), 2))


@pytest.fixture(scope="module")
def gated(gated_bundle) -> Predictor:
    return Predictor.open(gated_bundle)


def test_a_gated_bundle_answers_what_it_is_for(gated, predictor):
    reading, plain = gated.read(picture(chest())), predictor.read(picture(chest()))
    assert (reading.abstention, reading.correction, reading.flags) == ((), None, ())
    assert reading.findings == plain.findings
    np.testing.assert_array_equal(reading.heatmap, plain.heatmap)


def test_a_film_that_is_refused_has_no_finding_and_no_heat_map(gated, make_dicom):
    reading = gated.read(make_dicom(chest(), PatientAge="034Y", ViewPosition="LL"))
    assert [reason.code for reason in reading.abstention] == ["wrong-view", "wrong-age"]
    assert (reading.findings, reading.heatmap, reading.correction) == ((), None, None)
    assert not reading.answered
    assert reading.milliseconds.total > 0


def test_force_answers_and_says_so(gated_bundle, predictor):
    reading = Predictor.open(gated_bundle, force=True).read(picture(UPSIDE_DOWN))
    assert reading.forced
    assert [reason.code for reason in reading.abstention] == ["upside-down"]
    plain = predictor.read(picture(UPSIDE_DOWN))
    assert reading.findings == plain.findings
    np.testing.assert_array_equal(reading.heatmap, plain.heatmap)
    assert reading.correction  # what would be better is offered all the same


def test_a_film_upside_down_is_offered_the_right_way_round(gated):
    reading = gated.read(picture(UPSIDE_DOWN))
    assert (reading.findings, reading.corrected) == ((), False)
    assert (reading.correction.code, reading.correction.done) == ("upside-down", "turned back by a half")
    assert reading.correction.findings == gated.read(picture(chest())).findings


def test_correct_reads_it_so_and_notes_it(gated_bundle, gated):
    correcting = Predictor.open(gated_bundle, correct=True)
    reading, upright = correcting.read(picture(UPSIDE_DOWN)), gated.read(picture(chest()))
    assert reading.corrected
    assert reading.findings == upright.findings
    assert reading.notes == ("read turned back by a half",)
    assert [flag.code for flag in reading.flags] == ["upside-down"]
    np.testing.assert_allclose(reading.heatmap, np.rot90(upright.heatmap, 2), atol=1e-6)  # over the film as it came
    assert correcting.read(picture(chest())).correction is None


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("aspect", ["squash", "crop"])
def test_regions_of_a_film_that_was_put_right_lie_where_they_are_on_it_as_it_came(tmp_path, aspect, quarters):
    """The network's picture is not square: of a turned film it sees another part than of the film put right."""
    bundle = write_gated(tmp_path / "b", preprocessing=Preprocessing(size=SIZE, aspect=aspect))
    upright = chest((60, 96))
    corrected = Predictor.open(bundle, operating_point="sensitive", correct=True)
    (expected,) = corrected.read(picture(upright)).regions
    reading = corrected.read(picture(np.ascontiguousarray(np.rot90(upright, quarters))))
    assert reading.corrected
    (found,) = reading.regions
    painted, came = np.zeros((60, 96)), np.zeros(reading.film_size)
    for picture_of, box in ((painted, expected), (came, found)):
        picture_of[box.top : box.bottom, box.left : box.right] = box.share
    np.testing.assert_allclose(np.rot90(came, -quarters), painted)


def test_a_negative_is_read_as_its_positive(gated_bundle, gated):
    reading = Predictor.open(gated_bundle, correct=True).read(picture(255 - chest()))
    upright = gated.read(picture(chest()))
    assert reading.finding.probability == pytest.approx(upright.finding.probability, abs=1e-5)
    np.testing.assert_allclose(reading.heatmap, upright.heatmap, atol=1e-5)
    assert reading.notes == ("read with black and white exchanged",)


def test_a_film_that_stays_refused_when_it_is_put_right_is_offered_nothing(tmp_path):
    """Put right, this one is too bright: its middle grey is above 0.3."""
    bundle = write_gated(tmp_path / "b", gate=tiny_gate(limits={"too-bright": 0.3}))
    reading = Predictor.open(bundle, correct=True).read(picture(UPSIDE_DOWN))
    assert [reason.code for reason in reading.abstention] == ["upside-down"]
    assert (reading.findings, reading.correction) == ((), None)


def test_a_bundle_without_a_gate_cannot_correct(tiny_bundle):
    with pytest.raises(ValueError, match=r"tiny 1\.2 has no gate"):
        Predictor.open(tiny_bundle, correct=True)
    assert Predictor.open(tiny_bundle, force=True).read(flat(102)).abstention == ()


def test_forcing_gives_the_same_predictor_that_answers_all(gated_bundle):
    one = Predictor.open(gated_bundle, operating_point="sensitive", correct=True).forcing()
    reading = one.read(picture(UPSIDE_DOWN))
    assert (reading.forced, reading.corrected) == (True, False)
    assert reading.finding.operating_point == "sensitive"
