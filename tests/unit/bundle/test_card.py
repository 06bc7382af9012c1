from __future__ import annotations

import re

import msgspec

from pneumoscope.bundle.card import model_card
from pneumoscope.bundle.spec import Certainty, Graph, Interval, Member, Sample, Source, Teacher
from pneumoscope.stats.calibration import Calibration
from tests.helpers import second_label, tiny_spec


def test_the_card_tells_what_the_spec_says():
    spec = tiny_spec(exclusions=("Adults", "Photographs"), name="chest", version="3.1")
    first = msgspec.structs.replace(spec.operating_points[0], sensitivity=Interval(value=0.9512, low=0.91, high=0.98))
    card = model_card(msgspec.structs.replace(spec, operating_points=(first, *spec.operating_points[1:])))
    lines = card.splitlines()
    assert lines[0] == "# chest 3.1"
    assert "- Adults" in lines
    assert "- Photographs" in lines
    assert "| balanced (default) | 0.500 | 0.951 (0.910-0.980) | 0.900 (0.800-0.950) | by hand |" in lines
    assert "| sensitive | 0.200 | 0.900 (0.800-0.950) | 0.900 (0.800-0.950) | by hand |" in lines
    assert "scaled to 24 x 32" in card
    assert "(pixel - 0.5) / 0.5" in card
    assert "- Data: made up. nobody. Licence: CC0." in lines


def test_the_card_tells_of_several_labels_views_and_a_teacher():
    spec = tiny_spec(
        labels=tuple(msgspec.structs.replace(tiny_spec().labels[0], name=name) for name in ("pneumonia", "normal")),
        exclusive=True,
        graph=Graph(precision="fp32", opset=18, parity={}, views=("mirrored", "closer")),
        teacher=Teacher(name="large 1.0", digest="b" * 64),
    )
    card = model_card(spec)
    assert "Looks for pneumonia, normal on a frontal chest X-ray. Exactly one of these is true of a film." in card
    assert "Sensitivity and specificity are those for pneumonia; the thresholds hold for every label." in card
    assert "the mean of the answers to the film left and right exchanged, its central 7/8 enlarged." in card
    assert "- Learned from the answers of large 1.0 (`bbbbbbbbbbbbbbbb`) too." in card.splitlines()


def test_the_card_of_an_ensemble_tells_of_each_member():
    weights = Source(name="random", citation="", licence="none")
    member = Member(
        recipe="one",
        recipe_digest="a" * 64,
        manifest_digest="1" * 64,
        initial_weights=weights,
        size=(48, 64),
        calibrations=(Calibration(1.0, 0.0, 0.5),),
    )
    other = msgspec.structs.replace(member, recipe="two", teacher=Teacher(name="large 1.0", digest="b" * 64))
    lines = model_card(tiny_spec(recipe="ensemble of one, two", members=(member, other))).splitlines()
    assert "- Ensemble of one, two, manifest `1111111111111111`." in lines
    place = lines.index("- two (`aaaaaaaaaaaaaaaa`), at 48 x 64.")
    assert lines[place + 1 : place + 3] == [
        "  - Initial weights: random. Licence: none.",
        "  - Learned from the answers of large 1.0 (`bbbbbbbbbbbbbbbb`) too.",
    ]
    assert any(line.endswith("The answer is the mean of 2 networks' calibrated answers.") for line in lines)


def test_its_tables_are_tables():
    for table in re.findall(r"(?:^\|.*\n)+", model_card(tiny_spec()), re.MULTILINE):
        rows = [line.split("|")[1:-1] for line in table.splitlines()]
        assert len({len(row) for row in rows}) == 1
        assert {cell.strip() for cell in rows[1]} == {"---"}
        assert len(rows) > 2


def test_only_a_model_of_kermany_films_sends_to_the_readmes_official_test():
    told = "See the project's README"
    kermany = Source(name="kermany", citation="", licence="CC BY 4.0")
    assert told not in model_card(tiny_spec())
    assert told in model_card(tiny_spec(data=(kermany,)))


def test_a_second_answer_is_told_apart_from_the_first():
    sample = Sample(films=120, patients=90)
    known = Certainty(
        yes_from=0.3, no_to=0.7, error_rate=0.05, positive=sample, negative=sample, data="x", chosen="2026-01-02"
    )
    card = model_card(tiny_spec(labels=(tiny_spec().labels[0], second_label(certainty=known))))
    assert "Looks for pneumonia on a frontal chest X-ray. Where it finds pneumonia, it says whether that is " in card
    assert "the thresholds hold for every label" not in card
    own = card.partition("## The second answer")[2].partition("## ")[0]
    assert "Told only where the first answer is pneumonia, from a probability of 0.400 on as bacterial" in own
    assert "The figures are of films with pneumonia: no films with pneumonia." in own
    assert "| bacterial | 0.800 (0.700-0.850) |" in own
    assert "| viral | 0.750 (0.700-0.850) |" in own
    assert "bacterial, of films with pneumonia: yes is possible from a probability of 0.300, no up to 0.700" in card
