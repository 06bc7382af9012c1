"""The command line: one file a command, parsing only."""

from pneumoscope.cli.main import main

__all__ = ["main"]
