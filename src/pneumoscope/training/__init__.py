"""From recipe and manifest to weights, and from weights to a bundle: the only room that knows torch."""
