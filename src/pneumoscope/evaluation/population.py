"""Whether films are of those for whom a bundle is meant; an evaluation on others is worth having, but must say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pneumoscope.bundle import BundleSpec
from pneumoscope.core.manifest import Film
from pneumoscope.data.sources import SOURCES


def cautions(spec: BundleSpec, films: Sequence[Film], *, outside: str = "") -> tuple[str, ...]:
    """Sentences to stand beside every figure: none if nothing is known to be amiss.

    Parameters
    ----------
    outside : who is on the films, if the user says that they are not those for whom the bundle is meant.
    """
    return tuple(_cautions(spec, films, outside.strip()))


def _cautions(spec: BundleSpec, films: Sequence[Film], outside: str) -> Iterator[str]:
    use = f"The model's intended use: {spec.intended_use}"
    if outside:
        yield f"Outside the intended population: these films are of {outside}. {use}"
    ages, stated = intended_ages(spec), [film.age for film in films if film.age is not None]
    if ages and (other := sum(not ages[0] <= age < ages[1] + 1 for age in stated)):
        yield (
            f"Outside the intended population: {other} of the {len(stated)} films whose patient's age is stated are of "
            f"patients younger than {ages[0]:g} or older than {ages[1]:g} years. {use}"
        )
    learned = {source.name for source in spec.data}
    if strangers := sorted({film.source for film in films} - learned):
        yield (
            f"The model is not known to have learned from films of this source ({', '.join(strangers)}): figures here "
            f"say how it does elsewhere, and classes that come from different places may be told apart by that alone."
        )


def intended_ages(spec: BundleSpec) -> tuple[float, float] | None:
    """The least and greatest age, in whole years, of those on whose films a bundle has learned; None if not known."""
    known = [SOURCES[source.name].ages if source.name in SOURCES else None for source in spec.data]
    ages = [each for each in known if each]
    if not ages or len(ages) < len(known):
        return None
    return min(low for low, _ in ages), max(high for _, high in ages)
