"""JPEG, PNG, TIFF, BMP and WebP through Pillow.

Order: sound container -> declared size -> decode -> EXIF orientation -> alpha over black -> colour check -> ITU-R 601
luma -> full range of the container to [0, 1].

Pillow's plugin classes are opened directly instead of through ``PIL.Image.open``. That makes the list of formats
explicit, and keeps clear of Pillow's decompression-bomb check, which warns by a process-wide setting; our own limit
(:mod:`pneumoscope.imaging.limits`) is checked on the declared size before anything is decoded.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from pneumoscope.core import Radiograph, UnreadableFilm, UnsupportedFilm
from pneumoscope.imaging.colour import chroma_of_rgb, chroma_of_ycc, luma, refuse_colour
from pneumoscope.imaging.containers import cut_short, exif_orientation
from pneumoscope.imaging.limits import check_size

_OPENERS: Final[dict[str, Callable[[io.BytesIO], ImageFile]]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "tiff": TiffImageFile,
    "bmp": BmpImageFile,
    "webp": WebPImageFile,
}

# What Pillow's plugins and codecs raise on damaged files. Warning: when the user's filters turn warnings into errors.
_PILLOW_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    AssertionError,
    MemoryError,
    Warning,
)

_TURNS: Final[dict[int, Callable[[NDArray[Any]], NDArray[Any]]]] = {
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}
"""EXIF orientation to the turn that makes the picture upright."""

_TIFF_PHOTOMETRIC: Final = 262
_TIFF_BITS: Final = 258
_TIFF_ORIENTATION: Final = 274
_TIFF_PLACES: Final = ((273, 279), (324, 325))  # offsets and byte counts of strips, of tiles


def read_picture(data: bytes, container: str, digest: str, min_size: tuple[int, int] | None = None) -> Radiograph:
    """Decode one picture of a known ``container``; the parameters are those of :func:`pneumoscope.imaging.read`.

    Raises
    ------
    UnreadableFilm : Pillow cannot decode it.
    UnsupportedFilm : in colour, animated, of many pages, of a size or a number type that no film has.
    """
    notes: list[str] = []
    with _pillow_errors(container):
        image = _OPENERS[container](io.BytesIO(data))
        check_size(image.height, image.width)
        _refuse_many(image)
        _refuse_missing_strips(image, len(data))
        full_size = image.height, image.width
        orientation = _tiff_orientation(image)  # Pillow turns a TIFF itself when it is loaded, and its size before
        _draft(image, min_size, notes)
        image.load()
        colour = _in_colour(image)
        grey, chroma = _grey(image, notes)
    turn = exif_orientation(image.info.get("exif")) if container != "tiff" else 1
    if max(turn, orientation) > 1:
        notes.append(f"turned upright as the file's orientation tag ({max(turn, orientation)}) asks")
    if turn > 1:
        grey = np.ascontiguousarray(_TURNS[turn](grey))
        full_size = full_size[::-1] if turn > 4 else full_size
    return Radiograph(
        pixels=grey,
        digest=digest,
        full_size=full_size,
        container=container,
        colour=colour,
        chroma=chroma,
        notes=tuple(notes),
    )


@contextmanager
def _pillow_errors(container: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:  # its WebP plugin asks for more memory than others on opening
        raise UnsupportedFilm(f"expected a film of a reasonable size: {error}; export it at a smaller size") from error
    except _PILLOW_ERRORS as error:
        raise UnreadableFilm(
            f"expected a sound {container.upper()} picture, but it cannot be decoded ({error}): "
            "damaged or cut short; copy or export it again"
        ) from error


def _refuse_many(image: ImageFile) -> None:
    if getattr(image, "is_animated", False):
        raise UnsupportedFilm(
            f"expected one picture, the {image.format} file holds several pages or frames; export the one radiograph"
        )


def _refuse_missing_strips(image: ImageFile, size: int) -> None:
    """A TIFF says where each strip or tile lies; a decoder may fill in one that lies beyond the end."""
    if not isinstance(image, TiffImageFile):
        return
    for offsets_tag, counts_tag in _TIFF_PLACES:
        offsets, counts = image.tag_v2.get(offsets_tag, ()), image.tag_v2.get(counts_tag, ())
        if any(offset + count > size for offset, count in zip(offsets, counts, strict=False)):
            raise cut_short("the TIFF header places pixels beyond the end of the file")


def _tiff_orientation(image: ImageFile) -> int:
    value = image.tag_v2.get(_TIFF_ORIENTATION, 1) if isinstance(image, TiffImageFile) else 1
    return value if value in _TURNS else 1


def _draft(image: ImageFile, min_size: tuple[int, int] | None, notes: list[str]) -> None:
    """Ask libjpeg for luma and chroma as they are stored and, if allowed, for a reduced scale."""
    if not isinstance(image, JpegImageFile):
        return
    mode = "YCbCr" if _stores_ycc(image) else image.mode
    width, height = image.size
    scale = _reduction(image, min_size) if min_size else 1
    image.draft(mode, (width // scale, height // scale))
    if scale > 1:
        notes.append(f"decoded at 1/{scale} scale: {image.width} x {image.height} of {width} x {height} pixels")


def _reduction(image: JpegImageFile, min_size: tuple[int, int]) -> int:
    """The largest of libjpeg's scales that leaves twice ``min_size``.

    Where it leaves a remainder, the last row or column reaches beyond the film by part of a pixel, which
    ``Radiograph.extent`` tells. Turning may make them the first, so of a picture that is turned nothing may remain.
    """
    height, width = (2 * side for side in min_size)
    orientation = exif_orientation(image.info.get("exif"))
    if orientation > 4:
        height, width = width, height
    fitting = [s for s in (8, 4, 2) if image.height >= s * height and image.width >= s * width]
    if orientation > 1:
        fitting = [s for s in fitting if image.height % s == image.width % s == 0]
    return max(fitting, default=1)


def _stores_ycc(image: JpegImageFile) -> bool:
    """Whether libjpeg will take the three components for YCbCr (its rule: ``default_decompress_parms``)."""
    if image.mode != "RGB":
        return False
    if "jfif" in image.info:
        return True
    if "adobe_transform" in image.info:
        return bool(image.info["adobe_transform"] == 1)
    return [layer[0] for layer in image.layer] == [1, 2, 3]


def _in_colour(image: Image.Image) -> bool:
    """Whether the greys come in colour channels or a palette."""
    return image.mode not in ("1", "L", "LA", "La", "I", "F") and not image.mode.startswith("I;16")


def _grey(image: Image.Image, notes: list[str]) -> tuple[NDArray[np.float32], float]:
    """(H, W) float32 in [0, 1] of a loaded picture, and the share of coloured pixels."""
    if image.mode.startswith("I;16"):
        return _grey_16(image, notes), 0.0
    if image.mode in ("I", "F"):
        raise UnsupportedFilm(
            "expected whole numbers of 8 or 16 bits without sign, which have a full range; the picture holds signed, "
            "32-bit or floating-point values, and what black and white are is not said; export it as 16-bit PNG"
        )
    if image.has_transparency_data:
        image = _over_black(image, notes)
    if image.mode in ("1", "L"):
        return _scaled(np.asarray(image.convert("L")), 255), 0.0
    return _grey_of_colour(image, notes)


def _grey_of_colour(image: Image.Image, notes: list[str]) -> tuple[NDArray[np.float32], float]:
    if image.mode == "YCbCr" and image.format == "JPEG":
        ycc = np.asarray(image)
        chroma, grey = chroma_of_ycc(ycc), _scaled(ycc[..., 0], 255)
    else:
        rgb = np.asarray(image.convert("RGB"))
        chroma, grey = chroma_of_rgb(rgb), luma(rgb)
    refuse_colour(chroma)
    notes.append("grey stored in colour channels: converted to ITU-R 601 luma")
    return grey, chroma


def _grey_16(image: Image.Image, notes: list[str]) -> NDArray[np.float32]:
    values, full = np.asarray(image), 65535
    if isinstance(image, TiffImageFile):
        full = 2 ** int(image.tag_v2.get(_TIFF_BITS, (16,))[0]) - 1  # 12-bit TIFFs come in 16 bits too
        if image.tag_v2.get(_TIFF_PHOTOMETRIC) == 0:  # Pillow inverts WhiteIsZero up to 8 bits only
            values = full - values
            notes.append("WhiteIsZero inverted")
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        values = np.where(values == clear, 0, values)
        notes.append("transparent areas laid over black")
    notes.append(f"16-bit values scaled by their full range {full}; the largest one is {int(values.max())}")
    return _scaled(values, full)


def _over_black(image: Image.Image, notes: list[str]) -> Image.Image:
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if alpha.getextrema() != (255, 255):
        notes.append("transparent areas laid over black")
    flat = Image.new("RGB", image.size)
    flat.paste(rgba, mask=alpha)
    return flat.convert("L") if image.mode in ("1", "L", "LA", "La") else flat


def _scaled(values: NDArray[Any], full: int) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = np.divide(values, np.float32(full), dtype=np.float32)
    return scaled
