from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import PneumoscopeError
from pneumoscope.core.files import sha256_bytes
from pneumoscope.report.comparison_page import DRAWN, write_comparison_page
from pneumoscope.report.text import one_line
from tests.comparisons import FIGURES, SIDE_BY_SIDE, UNDEFINED, comparison, difference, entrant, film, pair
from tests.helpers import picture
from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_html import Page

RAMP = picture(np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1)))


@pytest.fixture
def write(tmp_path):
    def _write(places=None, **changes):
        write_comparison_page(comparison(**changes), tmp_path / "page.html", places)
        return Page((tmp_path / "page.html").read_text(encoding="utf-8"))

    return _write


def test_the_page_tells_the_ranking_on_which_films(write):
    page = write()
    assert "On the same 1,624 films of 1,428 patients, 1,390 of them with the label." in page.text
    assert "The best by AUC first." in page.text
    assert "Intervals: 95%; somehow." in page.text
    assert "1 first about first 1,624 1,390 with the label 0.988 0.978 to 0.995 0.944 0.922 to 0.963" in page.text
    assert "2 second about second" in page.text
    assert "Side by side" not in page.text


def test_differences_are_shown_with_their_tests(write):
    text = write().text
    assert "Each program minus first , on the same films." in text
    assert "second AUC -0.012 -0.020 to +0.004 0.032 a test" in text
    assert "second log loss, lower is better -0.012 -0.020 to +0.004 < 0.001 a test" in text
    assert "Holm" not in text


def test_holms_correction_is_shown_where_there_are_several(write):
    pairs = tuple(pair(name, differences=(difference("auc", 0.02, 0.04),)) for name in ("second", "third"))
    text = write(pairs=pairs).text
    assert "third AUC -0.012 -0.020 to +0.004 0.020 0.040 a test" in text
    assert "Holm: the p-values of a measure" in text


def test_what_is_not_defined_is_said(write):
    one = entrant("one", metrics={"auc": FIGURES["auc"]})
    page = write(entrants=(one, entrant("two")), pairs=(pair("two", differences=(UNDEFINED,)),))
    assert "two AUC +0.100 not defined - DeLong" in page.text
    assert "0.988 0.978 to 0.995 - - - - - - -" in page.text


def test_side_by_side_says_why_and_ranks_nothing(write):
    page = write(entrants=(entrant("one", films=30), entrant("two")), **SIDE_BY_SIDE)
    assert "Not ranked: the test sets differ: 3 films are shared." in page.text
    assert "Side by side, not ranked." in page.text
    assert "Differences" not in page.text
    assert "The best by" not in page.text
    assert "1 one" not in page.text


def test_films_set_aside_are_told(write):
    assert write(entrants=(entrant("one", set_aside=12), entrant("two"))).text.count("12 more set aside") == 1


def test_disagreements_are_films_with_both_answers(write, tmp_path):
    (tmp_path / "a.png").write_bytes(RAMP)
    digest = sha256_bytes(RAMP)
    films = (film("a.png", digest), film("gone.png", "cd" * 32, label=0), film("nameless.png"))
    page = write(
        {digest: tmp_path / "a.png", "cd" * 32: tmp_path / "gone.png"},
        pairs=(pair("second", wins=3, won=films, losses=1, lost=(film("b.png"),)),),
    )
    assert "second is right where first is wrong on 3 films, and wrong where it is right on 1 film." in page.text
    assert "a.png with the label; second 93.4%, first <0.1%" in page.text
    assert "gone.png without the label; second 93.4%, first <0.1%" in page.text
    assert page.text.count("no picture") == 3
    (shown,) = [one for one in page.all("img") if one["alt"].startswith("Radiograph")]
    assert shown["alt"] == "Radiograph a.png"
    drawn = Image.open(io.BytesIO(base64.b64decode(shown["src"].partition(",")[2])))
    assert drawn.format == "JPEG"
    assert drawn.size == (260, 195)


def test_a_film_that_has_changed_is_not_shown(write, tmp_path):
    (tmp_path / "a.png").write_bytes(RAMP)
    page = write({"ab" * 32: tmp_path / "a.png"}, pairs=(pair("second", wins=1, won=(film("a.png", "ab" * 32),)),))
    assert "no picture" in page.text


def test_only_the_first_films_are_shown(write):
    films = tuple(film(f"{i}.png") for i in range(DRAWN + 3))
    text = write(pairs=(pair("second", wins=DRAWN + 30, won=films),)).text
    assert f"{DRAWN - 1}.png" in text
    assert f"{DRAWN}.png" not in text
    assert "and 30 more" in text
    assert "Only first is right" not in text


def test_programs_that_agree_are_said_to(write):
    assert "They decide alike on every film." in write().text


def test_the_same_comparison_is_the_same_page(tmp_path):
    pages = []
    for name in ("one.html", "two.html"):
        write_comparison_page(comparison(), tmp_path / name)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(write, name):
    page = write(
        entrants=(entrant(name, about=name), entrant("two")),
        against=name,
        pairs=(pair(name, wins=1, won=(film(name),)),),
    )
    assert len(page.all("script")) == 1
    assert page.all("img", src="x") == []
    assert " ".join(one_line(name).split()) in page.text


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    with pytest.raises(PneumoscopeError, match="cannot write the report"):
        write_comparison_page(comparison(), tmp_path)
