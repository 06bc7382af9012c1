"""The page in a real browser: what a reader clicks does what it says, and nothing else runs."""

import numpy as np
import pytest

from pneumoscope.core import Failure, Finding, QualityFlag, Radiograph, Reading, Region, Timings
from pneumoscope.report import HtmlReport, ReportAbout

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>.png'
# name, probability, flagged; in input order
FILMS = [("b-10.png", 0.30, False), (HOSTILE, 0.99, True), ("B-9.png", 0.61, False), ("a.png", 0.05, True)]

ABOUT = ReportAbout(
    title="Test films",
    model="chest-pneumonia",
    model_version="1.2.0",
    bundle_digest="4f" * 32,
    intended_use="Signs of pneumonia on frontal films of children.",
    exclusions=("Adults",),
    operating_point="balanced",
    threshold=0.42,
    sensitivity="96.2% (95% interval 93.8 to 97.9)",
    specificity="91.5% (95% interval 87.1 to 94.7)",
    validated_on="624 films of 488 children.",
    program_version="0.1.0",
    created="12 March 2026, 14:05",
)


def item(name, probability, flagged, shape):
    film = Radiograph(pixels=np.full(shape, 0.5, np.float32), digest="ab" * 32, full_size=shape, container="png")
    height, width = shape
    box = Region(height // 4, width // 4, height // 2, width, 0.6)  # the second quarter down, the right three quarters
    reading = Reading(
        film=name,
        findings=(Finding("pneumonia", probability, "balanced", 0.42, probability >= 0.42),),
        flags=(QualityFlag("small", "The film is small."),) if flagged else (),
        notes=(),
        heatmap=np.linspace(0, probability, 49, dtype=np.float32).reshape(7, 7),
        film_digest=film.digest,
        bundle_digest="4f" * 32,
        milliseconds=Timings(1, 1, 1),
        film_size=shape,
        strong_evidence=10.4,
        regions=(box,) if probability >= 0.42 else (),
    )
    return reading, film


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    shapes = [(200, 240), (240, 160), (120, 240), (200, 200)]
    with HtmlReport(path, ABOUT) as report:
        for film, shape in zip(FILMS, shapes, strict=True):
            report.add(report.render(*item(*film, shape)))
        report.add(report.render(Failure("broken.dcm", "unreadable", "The file ends early."), None))
    return path.as_uri()


def names(page):
    return page.locator(".card:not([hidden]) h3").evaluate_all("all => all.map(one => one.title)")


def heats(page):
    """Return which heat maps can be seen, in the order of the page."""
    seen = "all => all.map(one => getComputedStyle(one).visibility === 'visible')"
    return page.locator(".heat").evaluate_all(seen)


def test_the_most_suspicious_film_is_first(page):
    assert names(page) == [HOSTILE, "B-9.png", "b-10.png", "a.png"]
    assert page.locator("#shown").text_content() == "4 of 4 films"
    assert page.locator(".failures").is_visible()


def test_all_heat_maps_go_and_come_back(page):
    switch = page.get_by_label("Heat maps")
    assert heats(page) == [True] * 4
    switch.uncheck()
    assert heats(page) == [False] * 4
    switch.check()
    assert heats(page) == [True] * 4


def test_one_heat_map_goes_alone(page):
    page.locator(".card").nth(1).get_by_label("Heat map").uncheck()
    assert heats(page) == [True, False, True, True]
    assert page.locator("#heat-all").evaluate("one => one.indeterminate")


def test_the_slider_sets_the_strength(page):
    page.get_by_label("Strength").fill("40")
    assert page.locator(".heat").first.evaluate("one => getComputedStyle(one).opacity") == "0.4"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Positive 2", [HOSTILE, "B-9.png"]),
        ("Negative 2", ["b-10.png", "a.png"]),
        ("Flagged 2", [HOSTILE, "a.png"]),
        ("All 4", [HOSTILE, "B-9.png", "b-10.png", "a.png"]),
    ],
)
def test_the_filter_shows_what_it_says(page, state, expected):
    page.locator(".controls fieldset label", has_text=state).click()
    assert names(page) == expected
    assert page.locator("#shown").text_content() == f"{len(expected)} of 4 films"


def test_the_filter_is_moved_by_keys(page):
    page.locator("input[value=all]").focus()
    page.keyboard.press("ArrowRight")
    assert names(page) == [HOSTILE, "B-9.png"]


def test_the_search_looks_at_names_in_any_case(page):
    page.get_by_role("searchbox").fill(" B-")
    assert names(page) == ["B-9.png", "b-10.png"]
    page.get_by_role("searchbox").fill("<script>")
    assert names(page) == [HOSTILE]
    page.get_by_role("searchbox").fill("nothing such")
    assert names(page) == []
    page.keyboard.press("Enter")
    assert page.locator("#shown").text_content() == "0 of 4 films"


def test_the_order_can_be_chosen(page):
    page.get_by_label("Sort by").select_option("Input order")
    assert names(page) == [name for name, _, _ in FILMS]
    page.get_by_label("Sort by").select_option("Name")
    assert names(page)[1:] == ["a.png", "B-9.png", "b-10.png"]
    page.get_by_label("Sort by").select_option("Probability")
    assert names(page) == [HOSTILE, "B-9.png", "b-10.png", "a.png"]


def test_a_hostile_name_is_shown_and_does_nothing(page):
    assert page.locator(".card").first.locator(".name").text_content() in HOSTILE
    assert page.locator(".card img[src='x']").count() == 0
    assert page.locator("script").count() == 1


@pytest.mark.parametrize("width", [1280, 400])
def test_every_heat_map_lies_exactly_on_its_film(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    for card in page.locator(".card").all():
        card.scroll_into_view_if_needed()
        film, heat = card.locator(".film").bounding_box(), card.locator(".heat").bounding_box()
        assert heat == pytest.approx(film, abs=0.6)
        shape = card.locator(".film").evaluate("one => one.naturalWidth / one.naturalHeight")
        assert film["width"] / film["height"] == pytest.approx(shape, rel=0.02)
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [1280, 400])
def test_every_box_lies_where_it_belongs_on_its_film_and_goes_with_the_heat_map(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    cards = [card for card in page.locator(".card").all() if card.locator(".regions").count()]
    assert len(cards) == 2
    for card in cards:
        card.scroll_into_view_if_needed()
        film, box = card.locator(".film").bounding_box(), card.locator(".regions rect").last.bounding_box()
        expected = {
            "x": film["x"] + film["width"] / 4,
            "y": film["y"] + film["height"] / 4,
            "width": 0.75 * film["width"],
            "height": film["height"] / 4,
        }
        assert box == pytest.approx(expected, abs=2)  # a stroke has a width
        assert card.locator(".regions text").text_content() == "60%"
        assert "60% of the evidence lies" in card.locator(".where").text_content()
        card.get_by_label("Heat map").uncheck()
        assert card.locator(".regions").is_hidden()


def test_the_page_reads_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(".card h3").count() == 4
    assert page.locator(".card").first.is_visible()
    assert page.locator(".failures").is_visible()
    assert not page.locator("#controls").is_visible()
    page.locator(".card").first.get_by_label("Heat map").uncheck()
    assert page.locator(".heat").first.is_hidden()
    context.close()


def test_a_print_has_the_films_and_no_controls(page):
    page.emulate_media(media="print")
    assert not page.locator("#controls").is_visible()
    assert page.locator(".card").last.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_films_that_are_not_answered_can_be_shown_alone(page, tmp_path):
    why = (QualityFlag("wrong-view", "The header says view LL."),)
    refused = Reading(
        film="side.png",
        findings=(),
        flags=(),
        abstention=why,
        notes=(),
        heatmap=None,
        film_digest="ab" * 32,
        bundle_digest="4f" * 32,
        milliseconds=Timings(1, 1, 1),
    )
    with HtmlReport(tmp_path / "r.html", ABOUT) as report:
        for name, probability in (("no.png", 0.1), ("yes.png", 0.9)):
            report.add(report.render(*item(name, probability, False, (200, 240))))
        report.add(report.render(refused, None))
    assert not page.locator("div.unanswered").is_visible()
    page.goto((tmp_path / "r.html").as_uri())
    assert names(page) == ["yes.png", "side.png", "no.png"]
    page.get_by_text("Not answered 1").click()
    assert names(page) == ["side.png"]
    assert page.get_by_text("Do not take them for negative.").first.is_visible()
