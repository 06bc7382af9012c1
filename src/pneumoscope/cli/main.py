"""The ``pneumoscope`` command and what it ends with: 0 done, 1 failure, 2 misuse."""

from __future__ import annotations

import errno
import signal
import threading
from types import FrameType
from typing import Any, NoReturn

import click

import pneumoscope
from pneumoscope.cli.card import card
from pneumoscope.cli.check_claim import check_claim
from pneumoscope.cli.compare import compare
from pneumoscope.cli.data import data
from pneumoscope.cli.doctor import doctor
from pneumoscope.cli.ensemble import ensemble
from pneumoscope.cli.evaluate import evaluate
from pneumoscope.cli.export import export
from pneumoscope.cli.gate import gate
from pneumoscope.cli.predict import predict
from pneumoscope.cli.recalibrate import recalibrate
from pneumoscope.cli.recipes import recipes
from pneumoscope.cli.release_check import release_check
from pneumoscope.cli.train import train
from pneumoscope.cli.tune import tune
from pneumoscope.core import PneumoscopeError


class _Group(click.Group):
    """Turns the package's and the system's errors into one line and an exit code.

    Anything else is a bug and keeps its traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PneumoscopeError as error:
            click.ClickException(str(error)).show()
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output went away: click ends quietly
                raise
            click.ClickException(f"the system refused: {error}. Check the place's space and permissions.").show()
            ctx.exit(PneumoscopeError.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(pneumoscope.__version__)
def main() -> None:
    """Find pneumonia in chest X-rays: read films, train, export and measure models.

    For research and as a second look under a qualified reader. Not a medical device, not a diagnosis.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    """End as an exception does, so that half-written files are removed when a scheduler stops the program."""
    raise SystemExit(128 + number)


_COMMANDS = (
    *(predict, doctor, data),
    *(evaluate, compare, check_claim, recalibrate, release_check, card),
    *(recipes, train, tune, export, ensemble, gate),
)
for _command in _COMMANDS:
    main.add_command(_command)
