"""The page of an audit in a real browser: films lie side by side, intervals on their scale, and no name ever runs."""

import pytest

from pneumoscope.data.audit import Audit, AuditFinding, Figure
from pneumoscope.report.audit_page import write_audit_page
from tests.phantoms import film, put

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>.png'
INTERVALS = ((0.75, 0.5, 0.8), (0.9, 0.85, 1.0))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    names = [f"train/{'very-long-name-' * 6}{i}.png" for i in range(6)]
    for i, name in enumerate(names):
        put(root, name, film(i))
    findings = (
        AuditFinding(
            code="near-copies",
            severity="error",
            title=f"Copies {HOSTILE}",
            meaning="They are one.",
            remedy="Keep one.",
            action="keep-one",
            groups=((names[0], names[1]), (names[2], HOSTILE), *((f"{i}a.png", f"{i}b.png") for i in range(40))),
            remarks=(HOSTILE,) * 42,
        ),
        AuditFinding(
            code="shortcuts",
            severity="warning",
            title="The class can be told",
            meaning="Each line is a model.",
            remedy="Look again.",
            figures=tuple(
                Figure(what=f"AUC of something, {i}", value=value, low=low, high=high, films=5216)
                for i, (value, low, high) in enumerate(INTERVALS)
            ),
        ),
        AuditFinding(
            code="tiny-validation",
            severity="note",
            title="Few films",
            meaning="Too few.",
            remedy="Split again.",
            groups=tuple((name,) for name in names[3:]),
        ),
    )
    audit = Audit(
        manifest_digest="4f" * 32,
        films=5216,
        patients=2443,
        sources=("kermany", HOSTILE),
        counts={"train": {"pneumonia": 3875, "no pneumonia": 1341}},
        checked={"exact copies": 0},
        findings=findings,
        seed=0,
        program="pneumoscope 0.1.0",
        created="2026-03-12T14:05:00+00:00",
    )
    write_audit_page(audit, root, root / "audit.html")
    return (root / "audit.html").as_uri()


def boxes(locator):
    return [one.bounding_box() for one in locator.all()]


def test_every_picture_is_shown(page):
    sizes = page.locator("img").evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])")
    assert sizes == [[160, 160]] * 6
    assert page.locator("img").first.is_visible()


def test_the_films_of_a_group_lie_side_by_side(page):
    one, other = boxes(page.locator(".group").first.locator("img"))
    assert one["y"] == other["y"]
    assert one["width"] == pytest.approx(one["height"], abs=0.6) == pytest.approx(other["width"], abs=0.6)
    assert other["x"] > one["x"] + one["width"]


def test_a_placeholder_is_as_large_as_a_film(page):
    group = page.locator(".group").nth(1)
    film, absent = boxes(group.locator("img"))[0], boxes(group.locator(".absent"))[0]
    assert (absent["width"], absent["height"]) == pytest.approx((film["width"], film["height"]), abs=0.6)
    assert absent["y"] == film["y"]


@pytest.mark.parametrize("width", [1280, 700, 400])
def test_the_page_is_never_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_intervals_lie_on_their_scale(page):
    zero, _, one = boxes(page.locator("thead svg text"))
    start, end = zero["x"], one["x"] + one["width"]
    for i, (value, low, high) in enumerate(INTERVALS):
        row = page.locator("section.warning tbody tr").nth(i)
        dot, bar = boxes(row.locator("circle"))[0], boxes(row.locator(".range"))[0]
        assert (dot["x"] + dot["width"] / 2 - start) / (end - start) == pytest.approx(value, abs=0.01)
        assert (bar["x"] - start) / (end - start) == pytest.approx(low, abs=0.01)
        assert (bar["x"] + bar["width"] - start) / (end - start) == pytest.approx(high, abs=0.01)


def test_the_other_films_unfold(page):
    names = page.locator(".names li")
    assert not names.first.is_visible()
    page.get_by_text("36 films by name").click()
    assert names.first.is_visible()
    assert names.count() == 36


def test_the_list_of_findings_leads_to_each(page, address):
    page.locator(".findings a").last.click()
    assert page.url == f"{address}#finding-2"
    assert page.locator("#finding-2").evaluate("one => one.getBoundingClientRect().top < innerHeight")


def test_a_hostile_name_is_shown_and_does_nothing(page):
    assert page.locator(".group").nth(1).locator("bdi").last.text_content() == HOSTILE
    assert page.locator("img[src='x']").count() == 0
    assert page.locator("script").count() == 1


def test_the_page_reads_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("section").count() == 4
    page.locator("summary").click()
    assert page.locator(".names li").first.is_visible()
    context.close()


def test_a_print_is_on_white_and_cuts_no_film_in_two(page):
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    breaks = page.locator("figure, .group").evaluate_all("all => all.map(one => getComputedStyle(one).breakInside)")
    assert set(breaks) == {"avoid"}
    assert page.locator("section.warning svg.interval").first.is_visible()
