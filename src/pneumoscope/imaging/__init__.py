"""Bytes in, :class:`~pneumoscope.core.Radiograph` out: the one door through which pixels enter the program."""

from pneumoscope.imaging.door import read
from pneumoscope.imaging.names import EXTENSIONS, is_film_name

__all__ = ["EXTENSIONS", "is_film_name", "read"]
