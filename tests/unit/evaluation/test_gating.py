"""A gate made of films and pictures small enough to be made on the spot."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from scipy.ndimage import gaussian_filter

from pneumoscope.bundle import bundle_files, load_bundle
from pneumoscope.bundle.spec import Population
from pneumoscope.cli import main
from pneumoscope.core import FilmError, ManifestError, Radiograph, UnreadableFilm
from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import write_manifest
from pneumoscope.evaluation.gating import material
from pneumoscope.evaluation.gating.comparison import METHODS, alone, left_out
from pneumoscope.evaluation.gating.fit import KINDS, SPARED, refused, sparing
from pneumoscope.evaluation.gating.make import Gated, _population, make_gate, save_gated
from pneumoscope.evaluation.gating.pictures import PARTS, pictures
from pneumoscope.evaluation.gating.spoilt import SPOILT, mild
from pneumoscope.imaging import read
from pneumoscope.predict import Predictor
from tests.helpers import chest, picture, row, write_tiny

SIZE = (48, 64)


def child(rng: np.random.Generator, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A film as the tiny gate of these tests is to know it, each a little different."""
    noise = gaussian_filter(rng.normal(size=size), 3)
    return np.clip(chest(size) * rng.uniform(0.85, 1.0) + 90 * noise, 0, 255).astype(np.uint8)


def stripes(rng: np.random.Generator) -> np.ndarray:
    down, across = np.mgrid[: SIZE[0], : SIZE[1]]
    angle, wide, start = rng.uniform(0, np.pi), rng.uniform(6, 16), rng.uniform(0, 6)
    waves = np.sin((np.cos(angle) * across + np.sin(angle) * down) * 2 * np.pi / wide + start)
    return (128 + 80 * waves).astype(np.uint8)


def blots(rng: np.random.Generator) -> np.ndarray:
    noise = gaussian_filter(rng.normal(size=SIZE), 6)
    return np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``films``, ``manifest.csv``, and pictures of stripes and blots in ``foreign``."""
    home, rng = tmp_path_factory.mktemp("gating"), np.random.default_rng(11)
    (home / "films").mkdir()
    rows = []
    for i in range(120):
        data = picture(child(rng))
        (home / "films" / f"{i:03}.png").write_bytes(data)
        split = ("train", "train", "val", "test")[i % 4] if i < 116 else "test"
        rows.append(row(f"{i:03}.png", label=i % 2, patient=f"p{i}", digest=sha256_bytes(data), split=split))
    write_manifest(Manifest(home / "films", tuple(rows)), home / "manifest.csv")
    for name, draw in (("stripes", stripes), ("blots", blots)):
        (home / "foreign" / name).mkdir(parents=True)
        for i in range(25):
            (home / "foreign" / name / f"{name}_{i:02}.png").write_bytes(picture(draw(rng)))
    colour = np.stack([blots(rng), stripes(rng), np.zeros(SIZE, np.uint8)], axis=-1)
    (home / "foreign" / "blots" / "colour.png").write_bytes(picture(colour))
    return home


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEAST_FILMS", "LEAST_HELD", "LEAST_PICTURES"):
        monkeypatch.setattr(material, name, 5)


@pytest.fixture(scope="module")
def made(folder: Path) -> Gated:
    from pneumoscope.data import open_manifest

    with pytest.MonkeyPatch.context() as patch:
        for name in ("LEAST_FILMS", "LEAST_HELD", "LEAST_PICTURES"):
            patch.setattr(material, name, 5)
        bundle = write_tiny(folder / "tiny")
        manifest = open_manifest(folder / "manifest.csv")
        return make_gate(bundle, manifest, folder / "foreign", ages=(1, 5), also={"more": folder / "foreign" / "blots"})


def test_pictures_are_dealt_by_name_and_look_alikes_stay_together(tmp_path: Path):
    rng = np.random.default_rng(0)
    for category in ("a", "b"):
        (tmp_path / category).mkdir()
        for i in range(30):
            (tmp_path / category / f"{category}{i:02}.png").write_bytes(picture(blots(rng)))
    one = blots(rng)
    for i in range(6):  # neighbouring slices, say
        (tmp_path / "a" / f"slice{i}.png").write_bytes(
            picture(np.clip(one.astype(int) + 4 * i, 0, 255).astype(np.uint8))
        )
    found = pictures(tmp_path)
    assert {picture.part for picture in found if "slice" in picture.path.name} == {
        next(picture.part for picture in found if picture.path.name == "slice0.png")
    }
    assert set(PARTS) == set(Counter(picture.part for picture in found))
    (tmp_path / "a" / "a00.png").unlink()
    fewer = {picture.path: picture.part for picture in pictures(tmp_path)}
    assert all(fewer[picture.path] == picture.part for picture in found if picture.path in fewer)


def test_a_colour_picture_is_looked_at_in_grey_and_no_folder_is_refused(folder: Path, tmp_path: Path):
    found = {picture.path.name: picture.colour for picture in pictures(folder / "foreign")}
    assert [name for name, colour in found.items() if colour] == ["colour.png"]
    with pytest.raises(ManifestError, match="expected a sub-folder of pictures for each category"):
        pictures(tmp_path)


def test_folders_without_pictures_are_no_categories_and_one_picture_is(tmp_path: Path):
    for name in ("empty", "one", ".hidden"):
        (tmp_path / name).mkdir()
    for name in ("one", ".hidden"):
        (tmp_path / name / "a.png").write_bytes(picture(blots(np.random.default_rng(0))))
    (tmp_path / "empty" / "notes.txt").write_text("no picture")
    assert [one.category for one in pictures(tmp_path)] == ["one"]


def test_a_category_is_named_in_what_a_description_can_hold(tmp_path: Path):
    folder = tmp_path / os.fsdecode(b"f\xfc")
    folder.mkdir()
    (folder / "a.png").write_bytes(picture(blots(np.random.default_rng(0))))
    (one,) = pictures(tmp_path)
    assert msgspec.json.decode(msgspec.json.encode({one.category: 1})) == {r"f\xfc": 1}


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, make_dicom):
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "b.png"
    path.write_bytes(picture(chest())[:-9])
    with pytest.raises(UnreadableFilm, match=r"b\.png: .*cut short"):
        pictures(tmp_path)
    path.write_bytes(make_dicom(chest(), NumberOfFrames="2"))
    with pytest.raises(FilmError, match=r"b\.png: .*frame"):  # refused by the door, and Pillow knows no DICOM
        pictures(tmp_path)


@pytest.mark.parametrize("values", [np.arange(5.0), np.arange(200.0), np.arange(201.0), np.arange(902.0), np.ones(300)])
def test_a_threshold_spares_as_many_as_it_promises_and_no_more(values):
    spared = (values < sparing(values)).sum()
    assert spared >= SPARED * len(values)
    assert spared - 1 < SPARED * len(values) or len(set(values)) == 1


@pytest.mark.parametrize("kind", SPOILT)
def test_spoiling_takes_a_film_to_the_kind_it_is_named_for(kind):
    film = Radiograph(
        pixels=(chest() / np.float32(255)).astype(np.float32), digest="", full_size=(240, 320), container="x"
    )
    spoilt = SPOILT[kind](film, np.random.default_rng(0))
    expected = {
        "inverted": 1 - film.pixels,
        "turned-left": np.rot90(film.pixels, 1),
        "upside-down": np.rot90(film.pixels, 2),
        "turned-right": np.rot90(film.pixels, -1),
    }
    if kind in expected:
        np.testing.assert_allclose(spoilt.pixels, expected[kind], atol=1e-7)
        return
    height, width = spoilt.pixels.shape
    assert (height, width) == (12, 16)
    assert spoilt.full_size == (120, 160)
    windows = np.lib.stride_tricks.sliding_window_view(film.pixels, (height, width))
    assert (windows == spoilt.pixels).all(axis=(2, 3)).any()


def test_a_film_a_little_worse_is_still_like_itself():
    greys = read(picture(child(np.random.default_rng(0), (240, 320)))).pixels
    film = Radiograph(pixels=greys.copy(), digest="", full_size=greys.shape, container="x")
    for seed in range(20):
        worse = mild(film, np.random.default_rng(seed)).pixels
        assert 0.85 < worse.shape[0] / greys.shape[0] <= 1
        height, width = worse.shape
        middle = greys[(240 - height) // 2 :, (320 - width) // 2 :][:height, :width]
        assert np.corrcoef(middle.ravel(), worse.ravel())[0, 1] > 0.7


def test_the_gate_tells_films_from_pictures_that_it_has_not_seen(made: Gated):
    shares = {(one.method, one.what): (one.refused, one.of) for one in made.rows}
    assert {method for method, _ in shares} == set(METHODS)
    held, of = shares["gate", "validation films"]
    assert of == 29
    assert held <= 5
    for what in ("stripes", "blots"):
        caught, of = shares["gate", what]
        assert 5 <= of <= 20
        assert caught >= 0.8 * of
    for kind in ("inverted", "turned-left", "upside-down", "turned-right"):
        caught, of = shares["classifier", f"validation films, {kind}"]
        assert caught == of
    assert shares["gate", "more"][1] == 26


def test_what_is_described_is_what_was_found(made: Gated):
    about = made.spec.gate
    assert about
    assert about.kinds == KINDS
    assert (about.learned.films, about.thresholds.films) == (58, 29)
    apart = {one.what: one.of for one in made.rows if one.what in ("stripes", "blots") and one.method == "gate"}
    assert {what: about.pictures[what] + apart[what] for what in apart} == {"blots": 26, "stripes": 25}
    assert set(about.measured) == set(apart)
    hits = refused(made.material.held.sound, made.numbers, about)
    assert about.refused.films == hits.sum()
    assert made.spec.population
    assert made.spec.population.ages == (1, 5)
    assert made.spec.version == f"1.2+gate.{about.chosen}"
    (change,) = made.spec.history
    assert (change.what, change.version) == ("given a gate", "1.2")


def test_the_bundle_reads_as_it_was_measured(made: Gated, folder: Path, tmp_path: Path):
    """The predictor refuses the very pictures that the gate was found to refuse."""
    written = save_gated(made, tmp_path / "b.zip")
    assert written.spec.gate == made.spec.gate
    predictor = Predictor.open(tmp_path / "b.zip")
    about = made.spec.gate
    assert about
    grey = [(i, one) for i, one in enumerate(made.material.pictures) if not one.colour]
    expected = refused(made.material.looks, made.numbers, about)
    read_so = [bool(predictor.read(one.path).abstention) for _, one in grey]
    assert read_so == [bool(expected[i]) for i, _ in grey]
    before, after = bundle_files(folder / "tiny"), bundle_files(tmp_path / "b.zip")
    assert {name for name in after if after[name] != before.get(name)} == {"MODEL_CARD.md", "gate.npz"}


def test_the_card_tells_what_is_refused(made: Gated, tmp_path: Path):
    save_gated(made, tmp_path / "b")
    card = (tmp_path / "b" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "younger than 1 or older than 5" in card
    assert "not-frontal-chest, inverted" in card
    assert "| stripes |" in card


def test_a_kind_of_picture_may_be_left_out_to_see_what_becomes_of_it(made: Gated):
    found = {one.what: one for one in left_out(made.material)}
    assert set(found) == {"blots", "stripes"}
    assert [one.of for one in found.values()] == [26, 25]


def test_the_classifier_may_be_shown_a_part_of_what_it_sees(made: Gated):
    found = {(one.method, one.what): one.of for one in alone(made.material)}
    assert {method for method, _ in found} == {"classifier, features alone", "classifier, greys alone"}
    assert {what for _, what in found} == {"blots", "stripes"}


def test_another_gate_keeps_whom_the_bundle_is_for(made: Gated):
    """The films that it has learned from say nothing of the ages."""
    old = made.spec
    assert _population(old, None) == old.population
    narrow = msgspec.structs.replace(old, population=Population(views=("AP",), ages=(2, 3)))
    assert _population(narrow, None) == narrow.population
    assert _population(narrow, (4, 5)) == Population(views=("AP",), ages=(4, 5))
    assert _population(msgspec.structs.replace(old, population=None), None) == Population()


@pytest.mark.parametrize("name", ["stripes", "validation films", "validation films, inverted"])
def test_further_pictures_are_not_counted_under_a_name_that_is_taken(folder: Path, name: str):
    from pneumoscope.data import open_manifest

    manifest = open_manifest(folder / "manifest.csv")
    with pytest.raises(ManifestError, match=f"pictures of the name '{name}': expected another"):
        make_gate(folder / "tiny", manifest, folder / "foreign", also={name: folder / "films"})


def test_a_folder_of_no_further_pictures_is_told(folder: Path, tmp_path: Path):
    from pneumoscope.data import open_manifest

    manifest = open_manifest(folder / "manifest.csv")
    with pytest.raises(ManifestError, match="more: expected pictures"):
        make_gate(folder / "tiny", manifest, folder / "foreign", also={"more": tmp_path})


def test_films_without_validation_films_make_no_gate(folder: Path, tmp_path: Path):
    from dataclasses import replace

    from pneumoscope.data import open_manifest

    manifest = open_manifest(folder / "manifest.csv")
    train = tuple(film for film in manifest.films if film.split == "train")
    with pytest.raises(ManifestError, match="there are no validation films"):
        make_gate(folder / "tiny", replace(manifest, films=train), folder / "foreign")


def test_too_few_films_make_no_gate(folder: Path, monkeypatch: pytest.MonkeyPatch):
    from pneumoscope.data import open_manifest

    monkeypatch.setattr(material, "LEAST_FILMS", 59)
    with pytest.raises(ManifestError, match=r"at least 59 films in split 'train' to make a gate, got 58"):
        make_gate(folder / "tiny", open_manifest(folder / "manifest.csv"), folder / "foreign")


def test_the_command_writes_bundle_and_table(folder: Path, made: Gated, tmp_path: Path):
    words = ["gate", "--bundle", folder / "tiny", "--data", folder / "manifest.csv", "--foreign", folder / "foreign"]
    out, table = tmp_path / "new.zip", tmp_path / "t.csv"
    options = ["--out", out, "--table", table, "--ages", "1", "5", "--name", "ward", "--bundle-version", "2"]
    result = CliRunner().invoke(main, [str(word) for word in (*words, *options)])
    assert result.exit_code == 0, result.output
    bundle = load_bundle(out)
    assert (bundle.spec.name, bundle.spec.version) == ("ward", "2")
    assert bundle.spec.gate
    assert msgspec.structs.replace(bundle.spec.gate, chosen="") == msgspec.structs.replace(made.spec.gate, chosen="")
    lines = table.read_text().splitlines()
    assert lines[0] == "method,what,refused,of,share,low,high"
    assert len(lines) == 1 + len([one for one in made.rows if one.what != "more"])
    assert "validation films" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "TINY"], "expected a new bundle"),
        (["--out", "NEW", "--ages", "5", "1"], "expected the least, then the greatest"),
        (["--out", "NEW", "--also", "x", "nowhere"], "no such file or folder: nowhere"),
        (["--out", "NEW", "--also", "x", ".", "--also", "x", ".."], "expected each NAME once"),
    ],
)
def test_misuse_is_told_before_anything_is_read(folder: Path, tmp_path: Path, options: list[str], said: str):
    places = {"TINY": str(folder / "tiny"), "NEW": str(tmp_path / "new")}
    words = ["gate", "--bundle", str(folder / "tiny"), "--data", str(folder / "manifest.csv")]
    words += ["--foreign", str(folder / "foreign"), *(places.get(word, word) for word in options)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert said in result.output
