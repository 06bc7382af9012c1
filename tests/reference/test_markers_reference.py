"""The marker detector against a reader's eye.

``markers_by_eye.csv`` lists 180 films drawn at random (120 of Kermany's, 30 of RSNA's normal and 30 COVID-19 films of
adults; squashed to 224 x 224) with the middle of every mark that a reader saw, read before the detector was run on
them and never used to choose its constants. A film without a mark has one row without a place.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pneumoscope.data.markers import Marker, find_markers
from pneumoscope.imaging import read
from pneumoscope.stats.intervals import wilson

BY_EYE = Path(__file__).with_name("markers_by_eye.csv")
# How far beyond its rectangle the middle of a mark may be; further across, for a word may be found in pieces.
ROWS, COLUMNS = 0.025, 0.035
Places = list[tuple[float, float]]


@pytest.fixture(scope="module")
def readings(data_folder) -> list[tuple[str, Places, tuple[Marker, ...]]]:
    """Path, marks by eye and marks found, a film each."""
    marks: dict[str, Places] = {}
    with BY_EYE.open(newline="") as file:
        for row in csv.DictReader(file):
            places = marks.setdefault(row["path"], [])
            if row["row"]:
                places.append((float(row["row"]), float(row["column"])))
    return [(path, places, find_markers(read(data_folder / path).pixels)) for path, places in marks.items()]


def is_on(marker: Marker, place: tuple[float, float]) -> bool:
    down, across = abs(place[0] - marker.row), abs(place[1] - marker.column)
    return down <= marker.height / 2 + ROWS and across <= marker.width / 2 + COLUMNS


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "precision", "recall_of_marks", "recall_of_films"),
    [("kermany224", 0.88, 0.82, 0.88), ("adult224", 0.90, 0.74, 0.80), ("", 0.90, 0.80, 0.86)],
)
def test_marks_are_those_seen_by_eye(readings, folder, precision, recall_of_marks, recall_of_films):
    """Measured (a share of rectangles, of marks, of films): Kermany 115/126, 115/134, 101/111; adults 60/63, 65/82,
    42/49; all 175/189, 180/216, 143/160. The floors are a little lower.
    """
    films = [(places, found) for path, places, found in readings if path.startswith(folder)]
    right = [any(is_on(marker, place) for place in places) for places, found in films for marker in found]
    seen = [[any(is_on(marker, place) for marker in found) for place in places] for places, found in films if places]
    assert wilson(sum(right), len(right)).value >= precision
    assert wilson(sum(map(sum, seen)), sum(map(len, seen))).value >= recall_of_marks
    assert wilson(sum(map(any, seen)), len(seen)).value >= recall_of_films


@pytest.mark.data
def test_films_without_a_mark_seldom_get_one(readings):
    """Measured: 2 of 20; of 145 films with a rectangle, 143 have a mark where it is."""
    bare = [len(found) > 0 for _, places, found in readings if not places]
    assert len(bare) == 20
    assert sum(bare) <= 3
