"""The page of an evaluation in a real browser: it fits any window, reads in the dark and on paper, and runs nothing."""

import pytest

from pneumoscope.report.evaluation import write_evaluation_page
from tests.evaluations import case, full_report

HOSTILE = '"><img src=x onerror=alert(1)>.png'


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_evaluation_page(full_report(alarms=(case(1, name=HOSTILE), case(2, pixels=None))), path)
    return path.as_uri()


def colours(page, selector):
    """Relative luminance of an element's text and of what is behind it."""
    script = """one => {
        const behind = one => getComputedStyle(one).backgroundColor;
        let back = one;
        while (behind(back) === "rgba(0, 0, 0, 0)" && back.parentElement) back = back.parentElement;
        return [getComputedStyle(one).color, behind(back)];
    }"""
    return [luminance(colour) for colour in page.locator(selector).first.evaluate(script)]


def luminance(colour):
    """Of ``rgb(r, g, b)``, by WCAG 2."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_picture_is_shown(page):
    pictures = page.locator("img")
    assert pictures.count() == 8 + 2 * 4 + 2
    assert min(pictures.evaluate_all("all => all.map(one => one.naturalWidth)")) > 100
    assert min(pictures.evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")) > 100


def test_a_film_and_its_heat_map_lie_side_by_side(page):
    film, heat = (one.bounding_box() for one in page.locator(".pair").first.locator("img").all())
    assert film["y"] == heat["y"]
    assert film["width"] == pytest.approx(heat["width"], abs=0.6)
    assert heat["x"] > film["x"] + film["width"]


@pytest.mark.parametrize("width", [1280, 700, 400])
def test_the_page_is_never_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_links_lead_to_each_section(page, address):
    links = page.locator(".contents a")
    assert links.count() == page.locator("main > section").count() == 15
    for i in range(links.count()):
        name = links.nth(i).get_attribute("href")
        links.nth(i).click()
        assert page.url == address + name
        assert page.locator(name).evaluate("one => one.getBoundingClientRect().top < innerHeight")


def test_a_section_is_named_for_those_who_hear_it(page):
    assert page.get_by_role("region", name="Calibration").count() == 1
    assert page.get_by_role("rowheader", name="Recall (sensitivity)").count() >= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_the_light_and_in_the_dark(page, scheme):
    page.emulate_media(color_scheme=scheme)
    for selector in ("h1", "main li", ".soft", "caption", ".muted td", ".notice strong", ".contents a", ".counts dt"):
        text, back = colours(page, selector)
        assert (max(text, back) + 0.05) / (min(text, back) + 0.05) >= 4.5, selector
        assert (text > back) == (scheme == "dark"), selector


def test_a_hostile_name_is_shown_and_does_nothing(page):
    assert page.locator(".cases bdi[title*='onerror']").count() == 1
    assert page.locator("img[src='x']").count() == 0


def test_the_page_reads_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("main > section").count() == 15
    context.close()


def test_a_print_is_on_white_and_cuts_nothing_in_two(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    breaks = page.locator("figure, tr, .cases li").evaluate_all(
        "all => all.map(one => getComputedStyle(one).breakInside)"
    )
    assert set(breaks) == {"avoid"}
    assert not page.locator(".contents").is_visible()
    assert page.locator(".cases img").first.is_visible()
