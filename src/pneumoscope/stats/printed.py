"""What a printed number says about the true one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, Self

Rounding = Literal["nearest", "truncate", "any"]

_PRINTED = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(%?)\s*", re.ASCII)
_LONGEST = 12
"""Digits after the point; no table prints more."""


@dataclass(frozen=True)
class Bounds:
    """The values that are printed as one number. An end belongs to them unless it is open."""

    low: Fraction
    high: Fraction
    low_open: bool = False
    high_open: bool = False

    @classmethod
    def of(cls, text: str, rounding: Rounding = "any", lowest: int = 0) -> Self:
        """What ``text`` stands for; its digits say how exactly.

        Both ends of a rounded number belong to it: rounding half up gives it the lower end, rounding half to even one
        or the other, and a program that rounds a binary fraction may do either. A number that was cut off lies towards
        zero of the true one.

        Parameters
        ----------
        text : such as "0.93", "92.9%" or "1.00"; "1.0" has one digit, "1" none.
        rounding : "nearest", "truncate" (cut off), or "any" of the two.
        lowest : the least that the figure can be.

        Raises
        ------
        ValueError : if ``text`` is no such number, or lies outside ``lowest`` to 1.

        Examples
        --------
        >>> bounds = Bounds.of("0.93", "nearest")
        >>> float(bounds.low), float(bounds.high)
        (0.925, 0.935)
        >>> bounds = Bounds.of("92.9%", "truncate")
        >>> float(bounds.low), float(bounds.high), bounds.high_open
        (0.929, 0.93, True)
        """
        value, unit = _printed(text, lowest)
        half, none = unit / 2, Fraction(0)
        if rounding == "nearest":
            return cls(value - half, value + half)
        before = half if rounding == "any" else none
        below = unit if value <= 0 else before
        above = unit if value >= 0 else before
        return cls(value - below, value + above, low_open=value <= 0, high_open=value >= 0)


def _printed(text: str, lowest: int) -> tuple[Fraction, Fraction]:
    """The number and the unit of its last digit."""
    found = _PRINTED.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a number as it was printed, such as 0.93 or 92.9%, got {text!r}")
    number = Decimal(found[1])
    digits = len(found[1].partition(".")[2])
    if digits > _LONGEST:
        raise ValueError(f"expected at most {_LONGEST} digits after the point, got {text!r}")
    scale = Fraction(1, 100 if found[2] else 1)
    value = Fraction(number) * scale
    if not lowest <= value <= 1:
        hint = "; a percentage needs its sign, as in 92.9%" if not found[2] and 1 < value <= 100 else ""
        raise ValueError(f"expected {lowest} to 1, got {text!r}{hint}")
    return value, Fraction(1, 10**digits) * scale
