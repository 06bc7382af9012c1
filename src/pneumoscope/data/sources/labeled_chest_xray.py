"""The films of Kermany et al. under the names that they have on Mendeley, in another copy on Kaggle.

Citation
    That of the original: Kermany D, Zhang K, Goldbaum M. Labeled Optical Coherence Tomography (OCT) and Chest X-Ray
    Images for Classification. Mendeley Data, V3, 2018. doi:10.17632/rscbjbr9sj.3. Cell 172(5):1122-1131, 2018.
Licence
    CC BY 4.0, as the original.
Counts
    Train 1,349 normal and 3,883 pneumonia, test 234 and 390 (5,856 films): what Kaggle's other copy keeps apart as
    ``val`` is in ``train``.
Download
    Kaggle ``tolgadincer/labeled-chest-xray-images``.
Known faults
    The same films as source 'kermany', under other names: both in one manifest put one child under two patient keys.
    A download from Mendeley looks alike and is listed as 'kermany'; only the folder's own name tells which it is. The
    patient key is the kind and the number of a name (``BACTERIA-1008087``), which nothing proves to be one child.
"""

from __future__ import annotations

from pathlib import Path

from pneumoscope.data.fetch.places import Kaggle
from pneumoscope.data.sources import kermany
from pneumoscope.data.sources.base import Options, Source

_NAME = "labeled-chest-xray"


def _recognises(root: Path) -> bool:
    if _NAME not in root.resolve().as_posix().lower() or not kermany.recognises(root):
        return False
    first = next(kermany.entries(root, Options()), None)
    return first is not None and bool(kermany.MENDELEY.match(first.path.stem))


SOURCE = Source(
    name=_NAME,
    title="Labeled chest X-ray images: the films of Kermany et al. 2018 under other names",
    layout=f"{kermany.LAYOUT}; films called BACTERIA-1008087-0001.jpeg; {_NAME} in the folder's path",
    recognises=_recognises,
    entries=kermany.entries,
    citation=kermany.CITATION,
    licence="CC BY 4.0",
    homepage="https://www.kaggle.com/datasets/tolgadincer/labeled-chest-xray-images",
    download=(Kaggle("tolgadincer/labeled-chest-xray-images"),),
    intended_use=kermany.INTENDED_USE,
    exclusions=kermany.EXCLUSIONS,
    ages=kermany.AGES,
    subtypes=kermany.SUBTYPES,
)
