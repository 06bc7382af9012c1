from __future__ import annotations

from pneumoscope.core.files import sha256_bytes
from pneumoscope.evaluation.seen import look_at
from pneumoscope.evaluation.worst import pixels_of, worst
from tests.helpers import SIZE, flat


def names(films) -> list[str]:
    return [one.film.path.removesuffix(".png") for one in films]


def test_the_most_confidently_wrong_come_first(seen):
    films = [
        seen("a", True, 0.3),
        seen("b", True, 0.01),
        seen("c", False, 0.6),
        seen("d", False, 0.99),
        seen("right", True, 0.9),
        seen("well", False, 0.2),
    ]
    found = worst(films)
    assert names(found.false_negatives) == ["b", "a"]
    assert names(found.false_positives) == ["d", "c"]
    assert (found.missed, found.alarms) == (2, 2)


def test_no_patient_and_no_file_is_shown_twice_but_all_are_counted(seen):
    films = [
        seen("a", True, 0.3, patient="p"),
        seen("b", True, 0.1, patient="p"),
        seen("c", True, 0.2, digest="same"),
        seen("d", True, 0.15, digest="same"),
        seen("e", True, 0.4),
    ]
    found = worst(films)
    assert names(found.false_negatives) == ["b", "d", "e"]
    assert found.missed == 5


def test_patients_of_two_sources_are_two(seen):
    films = [seen(name, False, 0.9, patient="1", source=name) for name in "ab"]
    assert names(worst(films).false_positives) == ["a", "b"]


def test_there_are_no_more_than_asked_for_and_ties_go_by_path(seen):
    films = [seen(f"{i:02}", False, 0.8) for i in reversed(range(20))]
    found = worst(films, most=3)
    assert names(found.false_positives) == ["00", "01", "02"]
    assert (found.false_negatives, found.missed, found.alarms) == ((), 0, 20)


def test_a_film_can_be_had_again_to_be_shown(predictor, labelled):
    films = labelled((1, flat(30)))
    (looked,) = look_at(predictor, films)
    assert worst([looked]).false_negatives == (looked,)
    film = pixels_of(looked, films.root, SIZE)
    assert film.digest == looked.reading.film_digest == sha256_bytes(flat(30))
    assert looked.reading.heatmap is not None
