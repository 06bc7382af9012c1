"""A gate for a bundle: fitted on the films that it has learned from and on pictures that are none, and measured."""
