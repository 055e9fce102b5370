"""The command `veche`: finds the sub-command, and turns every ending into an exit code. Design section 5.

0 fine, 1 refuted or refused, 2 could not be checked (unreadable, unsupported), 3 a log is proven to contradict itself,
64 wrong usage, 70 our own fault.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import typer

from veche import __version__
from veche.cli.help_text import WholeSentences
from veche.cli.terminal import answer, show_error, show_failure
from veche.crypto.errors import ElectionError, Unsupported

FINE: Final = 0
REFUSED: Final = 1
UNCHECKED: Final = 2
WRONG_USAGE: Final = 64
OUR_FAULT: Final = 70
INTERRUPTED: Final = 130

STOPPED: Final = "Stopped. Nothing that was not reported as done has been done."

COMMANDS: Final = {
    "demo": ("veche.cli.demo", "demo"),
    "audit": ("veche.cli.audit", "audit"),
    "verify-ballot": ("veche.cli.audit", "verify_ballot"),
    "export": ("veche.cli.export", "export"),
    "observe": ("veche.cli.observe", "observe"),
    "voter": ("veche.cli.voter", "app"),
    "organizer": ("veche.cli.organizer", "app"),
    "registrar": ("veche.cli.registrar", "app"),
    "trustee": ("veche.cli.trustee", "app"),
    "serve": ("veche.cli.serve", "serve"),
    "mirror": ("veche.cli.mirror", "mirror"),
    "watch": ("veche.cli.watch", "watch"),
    "evidence": ("veche.cli.watch", "evidence"),
    "witness": ("veche.cli.witness", "app"),
    "log-key": ("veche.cli.log_key", "app"),
    "worker": ("veche.cli.worker", "worker"),
    "account": ("veche.cli.account", "app"),
    "doctor": ("veche.cli.doctor", "doctor"),
    "config": ("veche.cli.config", "app"),
    "backup": ("veche.cli.backup", "backup"),
    "restore": ("veche.cli.backup", "restore"),
    "db": ("veche.cli.database", "app"),
}
"""Where each sub-command lives: a module, and in it a typer app or a function. Imported when asked for, not before."""

# typer 0.26 and later bring their own copy of click, earlier ones import it. The exception's family is the same in both.
_USAGE_ERROR: Final[Any] = typer.BadParameter.__mro__[1]


class _Lazy(WholeSentences):
    """A group that imports a sub-command's module when that sub-command is asked for: an audit needs no code of a trustee."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        found = getattr(import_module(module), attribute)
        # Plain help texts: the same on a terminal, in a file and in a test.
        if isinstance(found, typer.Typer):
            found.rich_markup_mode = None
            command: Any = typer.main.get_group(found)
        else:
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(cmd_name)(found)
            command = typer.main.get_command(alone)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Lazy,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `veche demo`: a whole election in one command.",
)


def _show_version(asked: bool) -> None:
    if asked:
        answer(f"veche {__version__}")
        raise typer.Exit(FINE)


@app.callback()
def veche(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    """Verifiable voting: encrypted ballots, a public record, and an audit that anybody can run.

    Every role works with files and needs no server: organizer, registrar, trustee, voter, and whoever wants to check.
    """


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; the exit code. Whatever went wrong has been said on stderr in a sentence."""
    try:
        outcome = typer.main.get_command(app).main(args=list(arguments), prog_name="veche", standalone_mode=False)
    except ElectionError as error:
        show_error(error)
        return UNCHECKED if isinstance(error, Unsupported) else REFUSED
    except _USAGE_ERROR as error:
        error.show(file=sys.stderr)
        return WRONG_USAGE
    except OSError as error:
        show_failure(_why_unreadable(error))
        return UNCHECKED
    except typer.Abort:
        if not sys.stdin.isatty():
            show_failure("A question was asked and no answer came; give it as an option instead (see --help).")
            return WRONG_USAGE
        show_failure(STOPPED)
        return INTERRUPTED
    except KeyboardInterrupt:
        show_failure(STOPPED)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001
        # The one place where everything is caught: whoever runs an election is shown a sentence, not forty lines of code.
        return _own_fault(error)
    return outcome if type(outcome) is int else FINE


def _why_unreadable(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename is not None else reason


def _own_fault(error: Exception) -> int:
    if os.environ.get("VECHE_TRACEBACK") == "1":
        traceback.print_exception(error)
    show_failure(
        f"This is a mistake in Veche, not in your files ({type(error).__name__}). Please report it, with what "
        "VECHE_TRACEBACK=1 in the environment shows when you run the command again."
    )
    return OUR_FAULT


def main() -> NoReturn:
    """Carry out the command line of this process and end it."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
