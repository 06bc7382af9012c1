"""Networks: a backbone that makes a feature map, ours or timm's, under a linear head."""

from pneumoscope.training.networks.build import build_network
from pneumoscope.training.networks.film_network import Explained, FilmNetwork
from pneumoscope.training.networks.initial import load_first_answer, load_weights
from pneumoscope.training.networks.quick import quicken

__all__ = ["Explained", "FilmNetwork", "build_network", "load_first_answer", "load_weights", "quicken"]
