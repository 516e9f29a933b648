"""Arguments to calls, nothing else.

Modules here import the rest of the program inside their commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import signal
import sys
import traceback
from types import FrameType

import click

import pipeline
from pipeline.cli.bench import bench
from pipeline.cli.demo import demo
from pipeline.cli.export import export
from pipeline.cli.fit import fit
from pipeline.cli.models import models
from pipeline.cli.plan import plan
from pipeline.cli.report import report
from pipeline.cli.run import run
from pipeline.cli.scan import scan
from pipeline.cli.schema import schema
from pipeline.cli.status import status
from pipeline.cli.train import train
from pipeline.errors import PipelineError

EXIT_BUG, EXIT_INTERRUPTED = 1, 130

_VERBOSE = ("-v", "--verbose")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(pipeline.__version__, "-V", "--version", prog_name="scanmill")
@click.option(
    *_VERBOSE, is_flag=True, expose_value=False, help="Show the traceback of an error; it may quote header text."
)
def scanmill() -> None:
    """An archive of medical images in; chunked, checked, de-identified volumes and their quality out.

    \b
    Exit codes: 0 done; 1 an error of this program; 2 usage, recipe or key; 3 a selected series is
    quarantined or failed; 4 the environment is unfit; 5 a source is missing or holds no image;
    6 stopped by --max-failures or an abnormal rate; 130 interrupted (the same command goes on).
    """


for command in (demo, scan, plan, run, fit, train, models, export, status, report, bench, schema):
    scanmill.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    given = sys.argv[1:] if arguments is None else arguments
    kept = [argument for argument in given if argument not in _VERBOSE]  # wherever it stands
    verbose = len(kept) < len(given)
    try:
        code = scanmill.main(kept, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted: the same command goes on from here")
        return EXIT_INTERRUPTED
    except PipelineError as error:
        _say(str(error))
        return error.exit_code
    except Exception as error:  # the last door: tell the place, not the message, which may quote a header
        if verbose:
            traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {place.name} (line {place.lineno})"
        _say(f"an error of scanmill, {where}; -v shows more")
        return EXIT_BUG


def _say(sentence: str) -> None:
    click.echo(f"scanmill: {sentence}", err=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
