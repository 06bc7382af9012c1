"""What became of a ward's films, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pneumoscope.core import Outcome, Reading


class Tally:
    """Counts outcomes; each film that is refused counts for its first reason, so that the numbers add up."""

    def __init__(self) -> None:
        self.answered = self.positive = self.forced = self.corrected = self.offered = 0
        self.refused: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        if not isinstance(outcome, Reading):
            return
        if not outcome.answered:
            self.refused[outcome.abstention[0].code] += 1
            self.offered += outcome.correction is not None
            return
        self.answered += 1
        self.positive += outcome.finding.positive
        self.forced += outcome.forced
        self.corrected += outcome.corrected

    def lines(self, label: str) -> Iterator[str]:
        """What a reader has to know; nothing where every film was answered as a matter of course.

        ``label`` is the first of the bundle's.
        """
        if not (self.refused or self.forced or self.corrected):
            return
        yield f"{_films(self.answered)} answered, {self.positive} with {label}"
        if self.forced:
            yield f"  {self.forced} of them in spite of the gate: see why, and do not count on the answers"
        if self.corrected:
            yield f"  {self.corrected} of them corrected first, as the gate refuses them as they came"
        if self.refused:
            yield f"{_films(self.refused.total())} not answered: {self._why()}. A reader has to look at them"
        if self.offered:
            yield f"  {self.offered} of them can be read corrected: --correct"

    def _why(self) -> str:
        return ", ".join(f"{count} {code}" for code, count in self.refused.most_common())


def _films(count: int) -> str:
    return "1 film" if count == 1 else f"{count} films"
