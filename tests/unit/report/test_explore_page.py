from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import PneumoscopeError
from pneumoscope.core.manifest import Listing
from pneumoscope.data.exploration import Exploration, explore
from pneumoscope.data.explore import Mean, MeanTable
from pneumoscope.data.film_map import Extreme, OddFilm
from pneumoscope.data.stated import CLASSES
from pneumoscope.data.survey import SCALARS, Survey, survey
from pneumoscope.report import explore_page as module
from pneumoscope.report import explore_words, film_plots
from pneumoscope.report.explore_page import explore_page, write_exploration
from pneumoscope.report.measures import measure
from pneumoscope.report.plot_style import COLOURS, OTHERS, name_on_plot, svg, tint
from tests.helpers import row
from tests.phantoms import film as phantom_film
from tests.phantoms import put
from tests.surveys import listed, made_survey

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script> $x_1$ 胸\udcff'


def sections(page: str) -> dict[str, str]:
    """The page's sections by name."""
    return dict(re.findall(r'<section id="([\w-]+)">(.*?)</section>', page, re.DOTALL))


def pictures(html: str) -> list[str]:
    """The SVG texts in a part of the page; matplotlib leaves each drawn text as a comment."""
    return [b64decode(data).decode() for data in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", html)]


def drawn(html: str) -> list[str]:
    """All texts of the plots in a part of the page."""
    return [text.strip() for one in pictures(html) for text in re.findall(r"<!-- (.*?) -->", one, re.DOTALL)]


def words(html: str) -> str:
    """What is written under the plots."""
    return " ".join(re.findall(r"<(?:figcaption|p)>(.*?)</", html, re.DOTALL)).replace("&#x27;", "'")


def section(name: str, films, **columns) -> str:
    """One section alone, which is quicker than the page."""
    return getattr(module, f"_{NAMES.get(name, name)}")(explore(made_survey(films, **columns)))


NAMES = {"brightness": "spreads", "telling": "separations"}


def page_of(films, **columns) -> str:
    return explore_page(explore(made_survey(films, **columns)))


def rich(n: int = 160):
    """Two splits, sources, subtypes and views; ages and findings."""
    return [
        row(
            f"{i}.png",
            patient=f"p{i // 4 if i < 40 else i}",
            label=i % 2,
            subtype=("viral", "bacterial")[i // 2 % 2] if i % 2 else "",
            split=("train", "test")[i // 4 % 2],
            source=("here", "there")[i // 8 % 2],
            view=("PA", "AP")[i % 2],
            age=float(i % 90),
            sex="FM"[i % 2],
            findings=("Mass",) if i % 5 == 0 else (),
        )
        for i in range(n)
    ]


def test_a_page_has_all_that_there_is_to_see():
    page = page_of(rich(), unreadable=[3])
    assert list(sections(page)) == [
        *("classes", "sources", "patients", "people", "findings", "sizes", "samples", "brightness", "telling", "means"),
        *("map", "odd", "unreadable"),
    ]
    links = re.findall(r'<a href="#([\w-]+)">', page)
    assert links == list(sections(page))
    for name, html in sections(page).items():
        plots = 0 if name in ("samples", "odd", "unreadable") else {"means": 3}.get(name, 1)
        assert len(pictures(html)) == plots, name
        assert words(html), name
        for one in pictures(html):
            assert ET.fromstring(one).tag.endswith("svg")


def test_what_is_not_stated_is_left_out():
    films = [row(f"{i}.png", label=i % 2, split="") for i in range(60)]
    assert list(sections(page_of(films))) == [
        *("classes", "patients", "sizes", "samples", "brightness", "telling", "means", "map", "odd"),
    ]
    assert words(section("patients", films)) == "Each film is of another patient, as far as the source tells."


@pytest.mark.parametrize(
    ("number", "damaged", "expected"),
    [
        (1, 0, ["classes", "sizes", "samples", "brightness"]),
        (1, 1, ["classes", "unreadable"]),
        (9, 0, ["classes", "patients", "sizes", "samples", "brightness"]),
        (10, 0, ["classes", "patients", "sizes", "samples", "brightness", "map"]),
    ],
)
def test_few_films_are_shown_for_what_they_are(number, damaged, expected):
    assert list(sections(page_of(listed(number), unreadable=range(damaged)))) == expected


def test_counts_and_shares_are_on_the_bars():
    films = [row(f"a{i}", label=1, subtype="viral" if i < 7 else "bacterial") for i in range(20)]
    films += [row(f"b{i}", label=0) for i in range(20)] + [row(f"c{i}", label=0, split="test") for i in range(3)]
    html = section("classes", films)
    assert {"train: 40 films", "test: 3 films", "20 (50.0%)", "20 (50.0%): 13 bacterial, 7 viral", "3 (100.0%)"} <= set(
        drawn(html)
    )
    assert "pneumonia is 50.0% of the train films and 0.0% of the test films" in words(html)
    assert "accuracy on test films begins at 100.0%, the score of always saying 'no pneumonia'" in words(html)


def test_films_without_a_split_are_all_films():
    html = section("classes", [row(f"{i}", label=int(i < 3), split="") for i in range(12)])
    assert "all: 12 films" in drawn(html)
    assert "Look for a rare class: pneumonia is 25.0% of the films" in words(html)
    assert "accuracy on films begins at 75.0%" in words(html)


@pytest.mark.parametrize(
    ("label", "missing"), [(0, "'pneumonia'"), (1, "'no pneumonia'"), (None, "'no pneumonia' or 'pneumonia'")]
)
def test_one_class_alone_teaches_nothing(label, missing):
    html = section("classes", [row(f"{i}", label=label) for i in range(5)])
    assert f"No film is stated to be {missing}: these films alone" in words(html)


def test_a_source_of_one_class_is_named():
    films = [row(f"{i}", source="mixed", label=i % 2) for i in range(9)]
    films += [row(f"x{i}", source="clean", label=0) for i in range(4)]
    html = section("sources", films)
    assert "1 of 2 sources hold one class (all films of clean are 'no pneumonia')" in words(html)
    mixed = [replace(film, source="b") if i < 4 else film for i, film in enumerate(films[:9])]
    assert "all 2 sources hold more than one class" in words(section("sources", mixed))


def test_patients_with_many_films_are_told():
    films = [row(f"{i}", patient="often" if i < 6 else f"p{i}") for i in range(20)]
    html = section("patients", films)
    assert "1 of 15 patients have more than one film, and together 30% of all (often alone has 6)" in words(html)
    assert {"1 patient", "6 films", "14 patients", "14 films", "6 to 10"} <= {
        line for text in drawn(html) for line in text.split("\n")
    }
    films[0] = replace(films[0], split="test")
    told = words(section("patients", films))
    assert told.startswith("Look for leaks: 1 of 15 patients have more than one film")
    assert told.endswith("and the films of 1 lie in two splits.")


def test_people_and_findings_are_told_by_class():
    films = [row(f"{i}", label=1, age=30.0, sex="F", view="AP", findings=("Mass", "Fluid")) for i in range(30)]
    films += [row(f"x{i}", label=0, age=50.0, sex="M", view="PA", findings=("Mass",)) for i in range(10)]
    page = {name: section(name, films) for name in ("people", "findings")}
    assert "no pneumonia: median age 50, 100% M, 100% PA; pneumonia: median age 30, 100% F, 100% AP" in words(
        page["people"]
    )
    assert {"age", "sex", "view", "years"} <= set(drawn(page["people"]))
    assert "of 2 findings 'Mass' is the most frequent (40 films), and 30 films have more than one" in words(
        page["findings"]
    )
    assert {"Mass", "Fluid", "40", "30"} <= set(drawn(page["findings"]))


def test_only_what_is_stated_of_people_is_drawn():
    films = [row(f"{i}", label=i % 2, sex="F") for i in range(30)]
    texts = drawn(section("people", films))
    assert "sex" in texts
    assert not {"age", "view"} & set(texts)


def test_sizes_are_told_in_pixels():
    side = np.linspace(100, 300, 60).round()
    html = section("sizes", listed(60), width=side, height=100, aspect=side / 100)
    assert "the median film is 200 x 100 pixels (100 to 300 wide)" in words(html)
    assert "the middle 90% are 1.10 to 2.90 times as wide as high" in words(html)
    assert {"width and height in pixels", "width : height", "square", "2 : 1"} <= set(drawn(html))
    html = section("sizes", listed(60), width=224, height=224, aspect=1)
    assert "All films are 224 x 224 pixels" in words(html)
    assert pictures(html) == []


def test_the_measurement_that_gives_the_class_away_is_named():
    labels = np.arange(200) % 2
    films = [row(f"{i}", label=int(labels[i]), split=("train", "test")[i // 2 % 2]) for i in range(200)]
    moved = np.random.default_rng(0).normal(size=200) + 3 * (np.arange(200) // 2 % 2)
    html = section("telling", films, sharpness=labels + 1.0, grain_x=moved)
    assert "'sharpness' alone tells the classes apart with an AUC of 1.00" in words(html)
    assert re.search(r"among 'no pneumonia', 'grain along rows' tells test from train with (0\.9\d|1\.00)", words(html))
    assert {"pneumonia from no pneumonia (train)", "test from train (pneumonia)"} <= set(drawn(html))


def test_ridges_show_brightness_contrast_and_what_tells_most():
    labels = np.arange(80) % 2
    films = [row(f"{i}", label=int(labels[i]), split="") for i in range(80)]
    html = section("brightness", films, mean=np.where(labels, 0.75, 0.25), markers=labels)
    assert {"brightness", "contrast", "burnt-in marks", "pneumonia (40)"} <= set(drawn(html))
    assert "median brightness goes from 0.25 (no pneumonia) to 0.75 (pneumonia)" in words(html)


def test_mean_films_and_differences_are_told():
    films = [row(f"{i}", label=i % 2, split=("train", "test")[i // 2 % 2]) for i in range(200)]
    found = made_survey(films)
    found.rows["thumb"][:] = 100
    found.rows["thumb"][1::2, 24:, :8] = 151  # pneumonia is brighter at the lower left
    found.rows["thumb"][[i for i in range(200) if i % 4 == 2]] = 110  # in test no pneumonia is brighter all over
    html = module._means(explore(found))
    assert "'pneumonia' and 'no pneumonia' differ by 0.013 on average and most in the lower left (0.20)" in words(html)
    assert "'no pneumonia' of test and train differ by 0.039" in words(html)
    assert "'pneumonia' of test and train differ by 0.000" in words(html)
    texts = {line for text in drawn(html) for line in text.split("\n")}
    assert {"train: no pneumonia", "50 films", "minus no pneumonia", "test minus train"} <= texts


def test_the_second_is_compared_with_the_first():
    pixels = {name: np.full((32, 32), grey) for name, grey in (("aA", 0.1), ("aB", 0.4), ("bA", 0.2), ("bB", 0.9))}
    table = MeanTable(("a", "b"), ("A", "B"), {(row, column): Mean(20, pixels[row + column]) for row, column in pixels})
    shown = [[cell and (cell.title, cell.pixels[0, 0]) for cell in line] for line in film_plots._table(table)]
    assert shown == [
        [("a: A\n20 films", 0.1), ("a: B\n20 films", 0.4), ("a: B\nminus A", pytest.approx(0.3))],
        [("b: A\n20 films", 0.2), ("b: B\n20 films", 0.9), ("b: B\nminus A", pytest.approx(0.7))],
        [("A:\nb minus a", pytest.approx(0.1)), ("B:\nb minus a", pytest.approx(0.5)), None],
    ]


def test_a_mean_that_is_missing_leaves_its_place_empty():
    grey = np.full((32, 32), 0.5)
    table = MeanTable(("a", "b"), ("A", "B"), {("a", "A"): Mean(20, grey), ("b", "B"): Mean(1, grey)})
    titles = [[cell and cell.title for cell in line] for line in film_plots._table(table)]
    assert titles == [["a: A\n20 films", None], [None, "b: B\n1 film"]]


def films_on_disk(root, number=60) -> Survey:
    films = [put(root, f"{i}.png", phantom_film(i), label=i % 2) for i in range(number)]
    return survey(Listing(root, tuple(films)), root / "cache")


def test_films_are_shown_with_their_names(tmp_path):
    html = sections(explore_page(explore(films_on_disk(tmp_path))))
    assert html["samples"].count("<figure>") == 14
    assert (
        len(re.findall(r'src="data:image/jpeg;base64,[\w+/=]+" alt="" width="64" height="64"', html["samples"])) == 14
    )
    assert html["odd"].count("<figure>") == 6
    assert re.search(r"these 6 lie 1\.\d to 1\.\d times as far", words(html["odd"]))


def test_the_bar_counts_the_films_that_are_shown(tmp_path):
    seen = []

    def progress(items, total):
        for item in items:
            seen.append(total)
            yield item

    found = explore(films_on_disk(tmp_path))
    explore_page(found, progress=progress)
    assert len(set(seen)) == 1
    assert seen[0] == len(seen) <= 14 + 6


def test_a_film_that_has_gone_is_no_reason_to_stop(tmp_path):
    found = explore(films_on_disk(tmp_path, 12))
    for path in tmp_path.glob("*.png"):
        path.unlink()
    assert explore_page(found).count("cannot be read any more") == 12


def test_films_that_cannot_be_read_are_listed_with_the_reason(monkeypatch):
    monkeypatch.setattr(module, "_UNREADABLE", 30)
    page = page_of(listed(50), unreadable=range(40))
    html = sections(page)["unreadable"]
    assert "40 of 50 files cannot be read" in words(html)
    assert html.count("it is damaged") == 30
    assert "<summary>18 more and 10 in explore.json</summary>" in html
    assert "<dd>40</dd>" in page


def test_names_from_outside_do_nothing(tmp_path):
    films = [
        row(
            f"{HOSTILE}{i}",
            label=i % 2,
            source=HOSTILE,
            view=HOSTILE,
            patient=HOSTILE,
            findings=(HOSTILE,),
        )
        for i in range(45)
    ]
    films += [row("plain", split="test")]
    found = explore(made_survey(films, unreadable=[0]))
    page = explore_page(found)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count("<script") == 2  # the data of the map, and ours
    data = json.loads(re.search(r'<script type="application/json" id="map-data">(.*?)</script>', page)[1])
    assert all(name.startswith('"><img src=x') or name == "plain" for name in data["names"])
    for html in sections(page).values():
        for one in pictures(html):
            ET.fromstring(one)
    page.encode()  # no half letters are left
    write_exploration(found, tmp_path)
    assert HOSTILE in json.loads((tmp_path / "explore.json").read_text())["unreadable"][0]["path"]


def test_the_page_loads_nothing():
    page = page_of(rich())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert " style=" not in page
    for html in sections(page).values():
        for one in pictures(html):
            links = re.findall(r'(?:href)="([^"]{1,40})', one)
            assert all(link.startswith(("#", "data:image/png")) for link in links)


def test_the_same_films_give_the_same_page():
    found = explore(made_survey(listed(60)))
    assert explore_page(found) == explore_page(found)


def test_it_is_said_that_a_part_is_shown(monkeypatch):
    found = explore(made_survey(listed(60)))
    assert "Map and sizes show" not in explore_page(found)
    part: Exploration = replace(found, sample=found.sample[:50])
    assert "Map and sizes show 50 films" in explore_page(part)


def test_the_notes_of_a_folder_are_told():
    found = made_survey(listed(3))
    noted = Survey(Listing(found.listing.root, found.listing.films, ("2 files <are> CT",)), found.rows)
    assert "<li>2 files &lt;are&gt; CT</li>" in explore_page(explore(noted))


def test_both_files_are_written_whole(tmp_path):
    found = explore(made_survey(listed(20)))
    write_exploration(found, tmp_path / "new" / "folder")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["explore.html", "explore.json"]
    assert (tmp_path / "new" / "folder" / "explore.html").read_text() == explore_page(found)
    numbers = json.loads((tmp_path / "new" / "folder" / "explore.json").read_text())
    assert (numbers["schema"], numbers["films"]) == (1, 20)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PneumoscopeError, match="cannot write the report"):
        write_exploration(explore(made_survey(listed(3))), tmp_path / "file")


def extreme(name: str, z: float, value: float = 0.5) -> Extreme:
    return Extreme(name, value, 0.1, 0.4, z)


@pytest.mark.parametrize(
    ("extremes", "expected"),
    [
        ([], ["no single measurement is extreme: the picture as a whole is unlike the others"]),
        ([extreme("mean", -4, 0.05)], ["very dark (0.05; usually 0.10 to 0.40)"]),
        ([extreme("aspect", 5, 2.5)], ["very wide (2.50; usually 0.10 to 0.40)"]),
        ([extreme("dark", 4, 0.55)], ["much black (55.0%; usually 10.0% to 40.0%)"]),
        (
            [extreme("top", -5), extreme("sharpness", -4, 0.01), extreme("left", -4), extreme("right", -3)],
            ["black border on 3 sides", "blurred (0.010; usually 0.100 to 0.400)"],
        ),
        (
            [extreme("top", -5, 0), extreme("left", 4), extreme("right", 3)],
            [
                "dark upper edge (0.00; usually 0.10 to 0.40)",
                "bright left edge (0.50; usually 0.10 to 0.40)",
                "bright right edge (0.50; usually 0.10 to 0.40)",
            ],
        ),
        (
            [extreme("mark_height", -5, 0), extreme("mark_shape", -4, 0), extreme("std", 3)],
            [
                "without burnt-in marks (0.00; usually 0.10 to 0.40)",
                "hard, with much contrast (0.50; usually 0.10 to 0.40)",
            ],
        ),
        ([extreme("new_one", 9, 12345.0)], ["very much new one (1.23e+04; usually 0.1 to 0.4)"]),
    ],
)
def test_what_is_odd_is_said_in_words(extremes, expected):
    assert explore_words.why_odd(OddFilm(0, 2.0, tuple(extremes))) == expected


def test_every_measurement_has_words():
    titles = {measure(name).title for name in SCALARS}
    assert len(titles) == len(SCALARS)
    assert not [title for title in titles if "_" in title]


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


# Machado, Oliveira and Fernandes 2009, severity 1.0: what is seen without one kind of cone.
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("kind", BLIND)
def test_classes_are_told_apart_by_everyone(kind):
    seen = {
        name: np.array(BLIND[kind]) @ [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        for name, colour in COLOURS.items()
    }
    assert seen.keys() == set(CLASSES.values())
    names = list(seen)
    distances = [np.linalg.norm(seen[a] - seen[b]) for i, a in enumerate(names) for b in names[:i]]
    assert min(distances) > 0.25


def test_classes_are_told_apart_on_paper():
    assert all(contrast(colour, "#ffffff") >= 3 for colour in COLOURS.values())
    assert contrast(COLOURS["pneumonia"], COLOURS["no pneumonia"]) > 1.8
    pale = [
        "#" + "".join(f"{round(255 * part):02x}" for part in tint(COLOURS["pneumonia"], step)) for step in (0, 1, 2)
    ]
    assert luminance(pale[0]) < luminance(pale[1]) < luminance(pale[2]) < 1
    assert len(set(OTHERS)) == len(OTHERS)


def test_a_name_is_drawn_as_far_as_the_font_goes():
    assert name_on_plot("胸部 $a$") == "?? $a$"
    assert name_on_plot("Größe") == "Größe"
    assert len(name_on_plot("x" * 100)) == 28
    assert name_on_plot("\udcff") == "\\xff"


def test_a_plot_is_the_same_each_time_and_holds_no_formula():
    def draw(figure):
        figure.text(0.5, 0.5, "$x$")

    one = svg(draw, 2, 1)
    assert one == svg(draw, 2, 1)
    assert one.count(b"<use ") == 3  # two dollars and a letter


def test_the_sprite_holds_the_films_of_the_map_in_order():
    found = explore(made_survey(listed(30)))
    page = explore_page(found)
    data = json.loads(re.search(r'id="map-data">(.*?)</script>', page)[1])
    sheet = re.search(r'id="map-sprite" hidden alt="" src="data:image/jpeg;base64,([\w+/=]+)"', page)[1]
    pixels = np.asarray(Image.open(io.BytesIO(b64decode(sheet))), float)
    assert pixels.shape == (160, 192)  # 30 films, six across
    for place, film in enumerate(found.map.films):
        left, top = place % data["columns"] * 32, place // data["columns"] * 32
        thumb = pixels[top : top + 32, left : left + 32]
        assert np.corrcoef(thumb.ravel(), found.survey.thumbs[film].ravel())[0, 1] > 0.95
        assert data["names"][place] == f"{film}.png"
    (ranks,) = (
        np.frombuffer(b64decode(one["ranks"]), np.uint8) for one in data["measures"] if one["title"] == "contrast"
    )
    order = np.argsort(found.survey.rows["std"][found.map.films])
    assert (np.diff(ranks[order].astype(int)) > 0).all()
