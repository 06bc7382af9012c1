"""Make the picture of docs/explanation.md from four of the demo films.

python docs/explanation_figure.py
"""

from pathlib import Path

from PIL import Image

from pneumoscope.imaging import read
from pneumoscope.predict import Predictor
from pneumoscope.report.drawing import draw_regions, with_scale
from pneumoscope.report.overlay import overlay

HERE = Path(__file__).resolve().parent
FILMS = HERE.parent / "demo" / "films" / "train"
SHOWN = 4
SIDE, GAP = 320, 8


def main() -> None:
    """The first films with pneumonia by name, side by side, with what a reading says of them."""
    predictor = Predictor.open()
    pictures = [explained(predictor, path) for path in sorted((FILMS / "PNEUMONIA").iterdir())[:SHOWN]]
    width = sum(picture.width + GAP for picture in pictures) - GAP
    strip = Image.new("RGB", (width, max(picture.height for picture in pictures)), (255, 255, 255))
    left = 0
    for picture in pictures:
        strip.paste(picture, (left, 0))
        left += picture.width + GAP
    strip.save(HERE / "explanation.jpg", quality=88)


def explained(predictor: Predictor, path: Path) -> Image.Image:
    """One film as ``predict --heatmaps`` draws it, at one size for all."""
    film, reading = read(path), predictor.read(path)
    if reading.heatmap is None or reading.film_size is None:
        raise SystemExit(f"{path}: expected a reading with a heat map")
    picture = overlay(film, reading.heatmap).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    draw_regions(picture, reading.regions, reading.film_size)
    return with_scale(picture, reading.strong_evidence)


if __name__ == "__main__":
    main()
