"""The command line."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; by default the one in this process's arguments.

    Returns:
        The exit code; see `longcall.cli.exits.ExitCode`.
    """
    from typer.exceptions import Abort, TyperException
    from typer.main import get_command

    from longcall.cli.commands import app
    from longcall.cli.exits import CommandEnded, ExitCode, exit_code
    from longcall.errors import LongcallError, RequestRejected

    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    as_json = "--json" in given
    try:
        return int(get_command(app).main(args=given, prog_name="longcall", standalone_mode=False) or ExitCode.OK)
    except CommandEnded as ended:
        if ended.sentence is not None:
            _report(ended.code.name, ended.sentence, ended.code, as_json=as_json)
        return ended.code
    except LongcallError as error:
        kind = error.error_type if isinstance(error, RequestRejected) else None
        _report(kind or type(error).__name__, str(error), exit_code(error), as_json=as_json)
        return exit_code(error)
    except TyperException as error:
        from longcall.cli.mistakes import sentence_about

        _report("Usage", sentence_about(error, given), ExitCode.USAGE, as_json=as_json)
        return ExitCode.USAGE
    except Abort:
        return ExitCode.INTERRUPTED


def _report(kind: str, sentence: str, code: int, *, as_json: bool) -> None:
    """Print an error on standard error, in one row."""
    from rich.console import Console
    from rich.text import Text

    from longcall import display
    from longcall.cli.exits import ExitCode

    if as_json:
        print(display.json_line({"error": kind, "message": sentence, "exitCode": int(code)}), file=sys.stderr)  # noqa: T201
        return
    text = Text.assemble(("longcall: ", "bold" if code == ExitCode.INTERRUPTED else "bold red"), display.line(sentence))
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)
