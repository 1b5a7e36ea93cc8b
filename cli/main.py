"""`aster` as a whole: its options, and the way from any failure to an exit code."""

import resource
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final

import typer
from typer._click.exceptions import (
    ClickException,
    NoArgsIsHelpError,
    UsageError,
)  # Typer's own, under no public name
from typer.main import get_command

from cli.commands import LazyGroup
from cli.errors import exit_code, show_error, show_fault, show_help, show_lost, show_usage
from cli.render import OutputLost, Screen, finish, prepare_streams
from node.errors import NodeError

EXIT_INTERRUPTED: Final = 130
"""Ended by Ctrl-C, as shells have it."""

EXIT_USAGE: Final = 64

app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, no_args_is_help=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        Screen().say(f"aster {version('asterism')}")
        raise typer.Exit


@app.callback()
def aster(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """A mesh of signed logs without a central server: publish, read and replicate.

    Begin with `aster join CODE` if you have an invite, with `aster federation found` if nobody has begun, or
    with `aster init` for an open circle; then `aster run`. `aster demo` shows a federation in half a
    minute. The home is the directory that $ASTERISM_HOME names.
    """


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments; returns the exit code and raises nothing of ours."""
    prepare_streams()
    _leave_no_core()
    code = _run(arguments)
    try:
        finish()
    except OutputLost as error:
        return code or show_lost(error)
    return code


def _leave_no_core() -> None:
    """What was typed and read stands in this process's memory: no core file, and none of what it starts."""
    with suppress(OSError, ValueError):  # a limit that is lower already
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(arguments: Sequence[str]) -> int:
    try:
        code = get_command(app).main(list(arguments), prog_name="aster", standalone_mode=False)
    except NodeError as error:
        show_error(error)
        return exit_code(error)
    except NoArgsIsHelpError as error:
        show_help(error.format_message())
        return EXIT_USAGE
    except UsageError as error:
        show_usage(error.format_message(), error.ctx.command_path if error.ctx else "aster")
        return EXIT_USAGE
    except ClickException as error:
        show_usage(error.format_message(), "aster")
        return EXIT_USAGE
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except OutputLost as error:
        return show_lost(error)
    except Exception as error:  # noqa: BLE001  ours: two lines to report, and no page of traceback
        return show_fault(error)
    return code if type(code) is int else 0
