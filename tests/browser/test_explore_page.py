"""The page in a real browser: the map does what it says, and nothing else runs."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core.manifest import Listing
from pneumoscope.data.exploration import explore
from pneumoscope.data.survey import survey
from pneumoscope.report.explore_page import write_exploration
from tests.phantoms import film, put

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)<'
NUMBER = 48


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Films of two sources, the first 24 dark and the others bright."""
    folder = tmp_path_factory.mktemp("films")
    films = [
        put(
            folder,
            f"{HOSTILE} {i}.png",
            film(i, 0.3 if i < 24 else 0.7),
            label=int(i >= 24),
            split=("train", "test")[i % 2],
            source=(HOSTILE, "plain")[i // 4 % 2],
        )
        for i in range(NUMBER)
    ]
    return explore(survey(Listing(folder, tuple(films)), folder / "cache"))


@pytest.fixture(scope="module")
def address(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write_exploration(found, folder)
    return (folder / "explore.html").as_uri()


@pytest.fixture(autouse=True)
def _scrolled(page):
    page.locator("#map-canvas").scroll_into_view_if_needed()


def pixels(page, canvas):
    """(H, W, 4) of what a canvas shows."""
    address = page.locator(canvas).evaluate("one => one.toDataURL('image/png')")
    with Image.open(io.BytesIO(b64decode(address.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGBA"))


def place(page, found, film):
    """Where a film lies on the screen."""
    box = page.locator("#map-canvas").bounding_box()
    x, y = found.map.points[list(found.map.films).index(film)].tolist()
    return [box[edge] + 14 + at * (box["width"] - 28) for edge, at in (("x", x), ("y", y))]


def name(film):
    return f"{HOSTILE} {film}.png"


def shown(page):
    return page.locator("#map-text p").first.text_content()


def test_the_map_shows_both_classes(page):
    assert page.locator("#map-live").is_visible()
    assert not page.locator("#map-still").is_visible()
    colours = pixels(page, "#map-canvas").astype(int)
    seen = colours[colours[..., 3] > 150][:, :3]  # points are not quite opaque
    for colour in ((0, 89, 140), (213, 94, 0)):
        assert (np.abs(seen - colour).max(axis=1) < 6).sum() > 24 * 20


@pytest.mark.parametrize("film", [0, 7, 30, 47])
def test_pointing_at_a_film_shows_it(page, found, film):
    page.mouse.move(*place(page, found, film))
    assert shown(page) == name(film)
    kind, split = ("no pneumonia", "pneumonia")[film >= 24], ("train", "test")[film % 2]
    assert f"class: {kind}, split: {split}, source: " in page.locator("#map-text p").nth(1).text_content()
    seen = pixels(page, "#map-lens")[..., 0].astype(float).reshape(32, 7, 32, 7).mean(axis=(1, 3))
    thumbs = found.survey.thumbs.reshape(NUMBER, -1).astype(float)
    alike = [np.corrcoef(seen.ravel(), thumb)[0, 1] for thumb in thumbs]
    assert int(np.argmax(alike)) == film
    assert alike[film] > 0.9


def test_pointing_beside_all_films_shows_none(page):
    box = page.locator("#map-canvas").bounding_box()
    empty = pixels(page, "#map-canvas")[..., 3] == 0
    step = 40
    free = [
        (x, y)
        for y in range(0, int(box["height"]) - step, step)
        for x in range(0, int(box["width"]) - step, step)
        if empty[y : y + step, x : x + step].all()
    ]
    x, y = free[0]
    page.mouse.move(box["x"] + x + step / 2, box["y"] + y + step / 2)
    assert shown(page) == "Point at a film, or press the arrow keys."
    assert not page.locator("#map-lens").is_visible()


def test_arrow_keys_go_from_film_to_film(page, found):
    page.locator("#map-canvas").focus()
    page.keyboard.press("ArrowRight")
    first = shown(page)
    assert first.startswith(HOSTILE)
    page.mouse.move(0, 0)
    at = dict(zip(found.map.films.tolist(), found.map.points.tolist(), strict=True))
    for key, axis, sign in (("ArrowLeft", 0, -1), ("ArrowRight", 0, 1), ("ArrowUp", 1, -1), ("ArrowDown", 1, 1)):
        before = int(shown(page).split()[-1].removesuffix(".png"))
        page.keyboard.press(key)
        after = int(shown(page).split()[-1].removesuffix(".png"))
        moved = (at[after][axis] - at[before][axis]) * sign
        assert moved > 0 or before == after


def test_colours_can_be_those_of_anything(page, found):
    choice = page.locator("#map-by")
    parts = ["class", "split", "source"]
    assert page.locator("#map-by option").all_text_contents()[:3] == parts
    before = pixels(page, "#map-canvas")
    choice.select_option(label="source")
    assert page.locator("#map-key").text_content() == f"{HOSTILE}plain● train, ▲ test"
    assert (pixels(page, "#map-canvas") != before).any()
    page.mouse.move(*place(page, found, 40))
    choice.select_option(label="brightness")
    mean = found.survey.rows["mean"]
    assert page.locator("#map-key").text_content() == f"{mean.min():.2f}{mean.max():.2f}● train, ▲ test"
    share = int(page.locator("#map-text p").last.text_content().split("more than ")[1].split("%")[0])
    assert share == pytest.approx(100 * (mean < mean[40]).mean(), abs=3)


def test_a_resized_page_keeps_its_map(page, found):
    canvas = playwright.expect(page.locator("#map-canvas"))
    page.set_viewport_size({"width": 420, "height": 900})
    canvas.to_have_css("width", re.compile(r"3\d\d(\.\d+)?px"))
    assert page.evaluate("document.documentElement.scrollWidth") == 420
    page.set_viewport_size({"width": 1280, "height": 1000})
    canvas.to_have_css("width", re.compile(r"7\d\d(\.\d+)?px"))
    page.locator("#map-canvas").scroll_into_view_if_needed()
    page.mouse.move(*place(page, found, 3))
    assert shown(page) == name(3)


def test_every_plot_can_be_seen(page):
    sizes = page.locator(".plot:not([hidden]) img").evaluate_all("all => all.map(one => [one.naturalWidth, one.width])")
    assert len(sizes) >= 4
    assert all(natural > 300 and width > 300 for natural, width in sizes)
    assert "<script>alert(2)<" in page.locator("figcaption bdi").first.text_content()


def test_the_page_reads_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("#map-still").is_visible()
    assert not page.locator("#map-live").is_visible()
    assert not page.locator("#map-sprite").is_visible()
    context.close()


def test_a_print_has_the_still_map(page):
    page.emulate_media(media="print")
    assert page.locator("#map-still").is_visible()
    assert not page.locator("#map-live").is_visible()
    assert not page.locator(".contents").is_visible()
