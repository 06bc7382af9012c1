"""The page of a comparison in a real browser: tables fit or scroll, films are shown, and no name ever runs."""

import pytest

from pneumoscope.report.comparison_page import write_comparison_page
from tests.comparisons import comparison, difference, entrant, pair
from tests.comparisons import film as disagreement
from tests.phantoms import film, put

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>.png'
LONG = "very-long-name-" * 6


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    films = [put(root, f"{i}.png", film(i)) for i in range(3)]
    places = {one.digest: root / one.path for one in films}
    won = (disagreement(LONG, films[0].digest), disagreement(HOSTILE, films[1].digest), disagreement("gone.png"))
    tests = tuple(difference(name, 0.01, 0.02) for name in ("auc", "accuracy", "recall", "specificity", "log_loss"))
    pairs = (
        pair(HOSTILE, differences=tests, wins=20, won=won, losses=1, lost=(disagreement("c.png", films[2].digest, 0),)),
        pair(LONG, differences=tests),
    )
    found = comparison(
        entrants=(entrant("first"), entrant(HOSTILE, about=HOSTILE, set_aside=3), entrant(LONG)), pairs=pairs
    )
    write_comparison_page(found, root / "comparison.html", places)
    return (root / "comparison.html").as_uri()


def test_every_picture_is_shown(page):
    films = page.locator(".films img")
    assert films.evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])") == [[64, 64]] * 3
    plot = page.locator("img[alt^='Points']")
    assert plot.evaluate("one => one.naturalWidth") > 600
    assert page.locator(".absent").count() == 1


def test_films_of_a_kind_lie_side_by_side(page):
    one, other = (box.bounding_box() for box in page.locator(".films").first.locator("img").all())
    assert one["y"] == other["y"]
    assert other["x"] >= one["x"] + one["width"]


@pytest.mark.parametrize("width", [1280, 700, 400])
def test_the_page_is_never_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_numbers_of_a_column_end_at_one_line(page):
    cells = page.locator("section").first.locator("tbody tr td:nth-child(4)").all()
    boxes = [cell.bounding_box() for cell in cells]
    assert len({round(box["x"] + box["width"], 1) for box in boxes}) == 1
    assert {cell.evaluate("one => getComputedStyle(one).textAlign") for cell in cells} == {"right"}


def test_hostile_names_are_shown_and_do_nothing(page):
    assert page.locator("bdi", has_text="<script>alert(2)").count() >= 4
    assert page.locator("img[src='x']").count() == 0
    assert page.locator("script").count() == 1


def test_a_print_is_on_white_and_cuts_no_film_in_two(page):
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    breaks = page.locator("figure, tr").evaluate_all("all => all.map(one => getComputedStyle(one).breakInside)")
    assert set(breaks) == {"avoid"}
