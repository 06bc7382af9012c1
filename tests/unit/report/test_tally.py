from __future__ import annotations

from pneumoscope.report.tally import Tally


def told(items) -> list[str]:
    tally = Tally()
    for outcome, _ in items:
        tally.add(outcome)
    return list(tally.lines("pneumonia"))


def test_where_every_film_is_answered_there_is_nothing_to_tell(items):
    assert told(items) == []
    assert told([]) == []


def test_a_ward_is_told_how_many_were_answered_and_why_the_others_were_not(refused):
    assert told(refused) == [
        "3 films answered, 1 with pneumonia",
        "  1 of them in spite of the gate: see why, and do not count on the answers",
        "  1 of them corrected first, as the gate refuses them as they came",
        "2 films not answered: 1 wrong-view, 1 upside-down. A reader has to look at them",
        "  1 of them can be read corrected: --correct",
    ]


def test_a_film_counts_once_whatever_the_number_of_its_reasons(refused, item):
    (side, _), *_ = refused
    many = item("x.png", answered=False, abstention=(*side.abstention, *side.abstention))
    assert told([many, many]) == [
        "0 films answered, 0 with pneumonia",
        "2 films not answered: 2 wrong-view. A reader has to look at them",
    ]
