import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import Failure
from pneumoscope.report import HtmlReport
from pneumoscope.report.cards import where_hottest
from pneumoscope.report.text import one_line

VOID = {"meta", "img", "input", "br", "link", "hr"}


class Page(HTMLParser):
    """Parses strictly: every element is closed by its own tag, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def all(self, tag, **wanted):
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in wanted.items())]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def page(tmp_path, about, write):
    def _page(items):
        write(HtmlReport(tmp_path / "r.html", about), items)
        return Page((tmp_path / "r.html").read_text(encoding="utf-8"))

    return _page


def names(page):
    return [attributes["title"] for attributes in page.all("h3")]


def test_films_are_sorted_and_failures_are_apart(page, items):
    found = page(items)
    assert names(found) == ["ward/high.png", "ward/middle.png", "ward/low.png"]
    assert [a["data-index"] for a in found.all("li") if "data-index" in a] == ["2", "4", "1"]
    assert found.text.index("ward/broken.dcm") > found.text.index("low.png")
    assert "The file ends early." in found.text


def test_films_of_one_probability_keep_the_input_order(page, item):
    assert names(page([item(f"{i}.png", 0.5) for i in (3, 1, 2)])) == ["3.png", "1.png", "2.png"]


def test_the_counts_are_right(page, items):
    text = page(items).text
    for count in ("Films 5", "Positive 2", "Negative 1", "Flagged 1", "Not readable 2", "All 3"):
        assert count in text


def test_the_reader_learns_what_to_believe(page, items, about):
    text = page(items).text
    for part in (about.title, about.intended_use, *about.exclusions, about.sensitivity, about.validated_on):
        assert part in text
    assert "Not a diagnosis. Research use only; not a medical device." in text
    assert "positive from a probability of 42.5%" in text


def test_an_answer_in_words(page, items):
    text = page(items).text
    assert "Pneumonia suspected 95.0% probability of pneumonia At or above the threshold of 42% (balanced)" in text
    assert "Below the threshold for pneumonia 10.0% probability of pneumonia" in text
    assert "Reasons for doubt The film looks inverted. The film is small." in text
    assert "13.4 ms (read 2.1, prepare 1.5, infer 9.8)" in text


def test_the_other_findings_of_a_reading_have_a_line_each(page, item):
    found = page([item(further={"effusion": 0.2, "<b>": 0.9}), item()])
    assert "(balanced) effusion 20.0%, below 42% <b> 90.0%, at or above 42% Details" in found.text
    assert len(found.all("dl", **{"class": "others"})) == 1
    assert "Positive 2" in found.text  # by the first finding


def picture(attributes):
    return Image.open(io.BytesIO(base64.b64decode(attributes["src"].partition("base64,")[2])))


def test_the_pictures_are_inside_the_page(page, items):
    found = page(items)
    films, heats = found.all("img", **{"class": "film"}), found.all("img", **{"class": "heat"})
    assert [(picture(a).format, picture(a).mode, picture(a).size) for a in films] == [("JPEG", "L", (20, 24))] * 3
    assert {(picture(a).format, picture(a).mode) for a in heats} == {("PNG", "RGBA")}
    assert all(a["alt"] for a in found.all("img"))
    assert [a["alt"] for a in heats] == [
        "Heat map: highest in the lower right of the picture, >99.9% of the scale",
        "Heat map: highest in the lower right of the picture, >99.9% of the scale",
        "Heat map: no region above 20% of the scale",
    ]


@pytest.mark.parametrize(
    ("cells", "place"),
    [
        ([(6, 0)], "the lower left of the picture"),
        ([(0, 5), (0, 6), (1, 5)], "the upper right of the picture"),
        ([(3, 2), (3, 3)], "the middle centre of the picture"),  # on either side of a third
        ([(0, 0), (6, 6)], "several places"),  # the first of them says nothing of the other
    ],
)
def test_where_a_map_is_hottest_is_told_of_all_cells_that_are_as_hot(cells, place):
    heat = np.full((7, 7), 0.3, np.float32)
    heat[tuple(np.transpose(cells))] = 0.9
    assert where_hottest(heat) == f"Heat map: highest in {place}, 90.0% of the scale"


def test_a_large_film_is_made_small(tmp_path, about, item):
    reading, film = item()
    large = type(film)(pixels=np.zeros((900, 600), np.float32), digest="0" * 64, full_size=(900, 600), container="png")
    with HtmlReport(tmp_path / "r.html", about, max_side=100) as report:
        report.add(report.render(reading, large))
    found = Page((tmp_path / "r.html").read_text())
    assert picture(found.all("img", **{"class": "film"})[0]).size == (67, 100)


def test_a_reading_without_picture_or_map_has_a_card(page, item):
    found = page([(item("a.png")[0], None), item("b.png")])
    assert names(found) == ["a.png", "b.png"]
    assert "No picture" in found.text
    assert not found.all("img", **{"class": "heat"})
    assert not found.all("input", **{"class": "heat-one"})


def test_hostile_names_are_text(page, hostile):
    found = page(hostile)
    assert names(found) == [one_line(outcome.film) for outcome, _ in hostile[: len(hostile) // 2]]
    assert len(found.all("script")) == 1
    assert not [a for _, attributes in found.elements for a in attributes if a.startswith("on") or a == "style"]
    assert "<script>alert(1)</script>" in found.text


def test_hostile_text_about_the_model_is_text(tmp_path, about):
    fields = {name: getattr(about, name) for name in about.__dataclass_fields__}
    for name, value in fields.items():
        if isinstance(value, str):
            fields[name] = "<script>$title</script>"
    fields["exclusions"] = ("<b>",)
    HtmlReport(tmp_path / "r.html", type(about)(**fields)).close()
    found = Page((tmp_path / "r.html").read_text())
    assert len(found.all("script")) == 1
    assert not found.all("b")


def test_the_policy_allows_this_page_and_nothing_else(page, items, tmp_path):
    found = page(items)
    text = (tmp_path / "r.html").read_text()
    policy = found.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy.startswith("default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; ")
    for tag in ("style", "script"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_page_loads_nothing(page, items):
    for _, attributes in page(items).elements:
        for name in ("src", "href", "action", "srcset"):
            assert attributes.get(name, "data:").startswith(("data:", "#"))


def test_the_page_is_made_for_everyone(page, items):
    found = page(items)
    assert found.all("html") == [{"lang": "en"}]
    assert found.all("title")
    assert found.all("main")
    labelled = found.all("input") + found.all("select")
    assert len(found.all("label")) == len(labelled)


def test_a_run_of_nothing_is_a_page(page):
    found = page([])
    assert "No film was read." in found.text
    assert "Films 0" in found.text


def test_a_run_of_failures_is_a_page(page):
    found = page([(Failure("x", "unreadable", "no"), None)])
    assert "Films that could not be read (1)" in found.text
    assert "No film was read." in found.text


def test_a_card_says_when_to_ask_a_reader(page, item):
    told = page([item("a.png", sure=False, further={"tumour": 0.2}), item("b.png", sure=True), item("c.png")])
    assert told.text.count("Not sure: ask a reader") == 1
    assert told.text.count("below 42%, not sure: ask a reader") == 1
    assert len(told.all("p", **{"class": "unsure"})) == 1


def test_what_not_sure_means_is_told_once(tmp_path, about, write, item):
    from dataclasses import replace

    for certainty in ("", "Yes is possible from <30%>."):
        write(HtmlReport(tmp_path / "r.html", replace(about, certainty=certainty)), [item()])
        text = Page((tmp_path / "r.html").read_text(encoding="utf-8")).text
        assert ("Not sure" in text) is bool(certainty)
        assert certainty in text


def boxed(item, **more):
    from pneumoscope.core import Region

    regions = (Region(2, 3, 12, 13, 0.71), Region(15, 0, 24, 9, 0.2))
    heat = np.ones((3, 3), np.float32)
    return item("a.png", 0.9, heat, regions=regions, strong_evidence=10.4, **more)


def test_boxes_lie_over_the_film_in_its_own_pixels(page, item):
    found = page([boxed(item), item("b.png", 0.1, [[0.5]], strong_evidence=10.35)])
    (drawn,) = found.all("svg", **{"class": "regions"})
    assert drawn["viewbox"] == "0 0 20 24"
    lines = [a for a in found.all("rect") if "y" in a and a.get("height") in ("10", "9")]
    assert [(a["x"], a["y"], a["width"], a["height"]) for a in lines] == [
        *[("0", "15", "9", "9")] * 2,  # the largest share comes last, on top
        *[("3", "2", "10", "10")] * 2,
    ]
    assert [a.get("class") for a in lines] == ["rim", None, "rim", None]
    assert "20% 71%" in found.text


def test_where_the_evidence_lies_is_told_in_words(page, item):
    found = page([boxed(item), item("b.png", 0.1, strong_evidence=10.35), item("c.png")])
    (told,) = [text for text in found.texts if "of the evidence" in text and "box" not in text]
    assert told == (
        "71% of the evidence lies in the upper centre of the picture (21% of its area), 20% in the lower left of the "
        "picture (17%), 9% elsewhere."
    )
    assert len(found.all("p", **{"class": "where"})) == 1


def test_the_scale_says_what_its_end_means(tmp_path, about, write, item):
    from dataclasses import replace

    for strong, words in ((10.4, "100% (log-odds of 10.4) is what only"), (None, "100% is what only")):
        write(HtmlReport(tmp_path / "r.html", replace(about, strong_evidence=strong)), [item()])
        text = Page((tmp_path / "r.html").read_text(encoding="utf-8")).text
        assert words in text
        assert "the patient's right is on its left" in text


def test_a_second_answer_is_a_plain_sentence_below_the_first(page, item, kind, about):
    found = page([item("a", second=[kind(0.81, True)]), item("b", second=[kind(0.4, False)]), item("c", 0.1)])
    assert len(found.all("p", **{"class": "second"})) == 2
    assert "(balanced) If pneumonia: bacterial rather than viral, probability 81.0% Details" in found.text
    assert "If pneumonia: not sure which, bacterial (40.0%) or viral (60.0%)" in found.text
    assert not found.all("dl", **{"class": "others"})
    verdicts = [one["class"] for one in found.all("p") if one.get("class", "").startswith("verdict")]
    assert verdicts == ["verdict positive", "verdict positive", "verdict negative"]
    assert "Second answer" not in found.text


def test_a_page_says_what_a_second_answer_is_worth(tmp_path, about, item, kind):
    told = replace(about, second="If pneumonia, bacterial rather than viral: <of 0.8>")
    with HtmlReport(tmp_path / "r.html", told) as report:
        report.add(report.render(*item(second=[kind(0.7)])))
    assert (
        "Second answer If pneumonia, bacterial rather than viral: <of 0.8>"
        in Page((tmp_path / "r.html").read_text()).text
    )


def test_films_that_are_not_answered_stand_between_positive_and_negative_ones(page, refused):
    found = page(refused)
    assert names(found) == ["righted.png", "side.png", "down.png", "forced.png", "plain.png"]
    states = [a["data-states"] for a in found.all("li") if "data-states" in a]
    assert states == ["flagged positive", "unanswered", "unanswered", "flagged negative", "negative"]
    for count in ("Films 5", "Positive 1", "Negative 2", "Not answered 2", "Flagged 2"):
        assert count in found.text
    assert "Do not take them for negative." in found.text


def test_a_film_that_is_not_answered_says_why_and_what_could_be_done(page, refused):
    text = page(refused).text
    assert "Not answered A reader has to look at this film. Why The header says view LL. Details" in text
    assert "Read turned back by a half, the answer would be: pneumonia (80.0%)." in text
    assert "Answered although The header says view LL." in text


def test_nothing_of_it_is_shown_where_every_film_is_answered(page, items):
    found = page(items)
    parts = found.all("div", **{"class": "unanswered"}) + found.all("p", **{"class": "unanswered-note"})
    assert ["hidden" in part for part in parts] == [True, True]


def test_hostile_reasons_are_text(page, hostile_refused):
    found = page(hostile_refused)
    assert len(names(found)) == len(hostile_refused)
    assert not [a for tag, a in found.elements if tag == "img" and a.get("src") == "x"]
    assert len(found.all("script")) == 1
