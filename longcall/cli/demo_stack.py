"""The stack that a demonstration runs on, with pushes that get lost: the running one, or one of its own."""

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from longcall.cli.chaos import set_chaos
from longcall.cli.exits import CommandEnded, ExitCode
from longcall.cli.extras import LOCAL, require_extra
from longcall.cli.stack import Stack, find_stack, read_stack
from longcall.errors import LongcallError, Unreachable

FAULTS: Final = "drop=0.5,seed=7"
STOP_TIMEOUT: Final = 10.0  # seconds until a stack that does not stop is killed


@contextmanager
def lossy_stack(named: Path | None) -> Iterator[Stack]:
    """A stack that loses half of its pushes: the one of the file, else the running one, else one that ends with it.

    The faults of a stack that was running before are restored.

    Args:
        named: A stack file; None to look for one.

    Raises:
        ConfigurationError: The named file cannot be used, or no stack runs and the extra `local` is not installed.
        Unreachable: The named stack does not answer.
        CommandEnded: A stack could not be started.
    """
    running = _running(named)
    if running is not None:
        stack, faults = running
        asyncio.run(_set(stack, FAULTS))
        try:
            yield stack
        finally:
            with suppress(LongcallError):  # the stack was stopped meanwhile
                asyncio.run(_set(stack, faults or "off"))
        return
    require_extra(LOCAL, "longcall demo")
    with tempfile.TemporaryDirectory(prefix="longcall-demo-") as folder, _started(Path(folder)) as stack:
        yield stack


def _running(named: Path | None) -> tuple[Stack, str] | None:
    """A running stack and its faults; None if there is none and none was named."""
    try:
        stack = find_stack(named, start=Path.cwd())
        return stack, asyncio.run(_set(stack, None))
    except Unreachable:
        if named is not None:
            raise
        return None


async def _set(stack: Stack, faults: str | None) -> str:
    return (await set_chaos(stack, faults)).spec


@contextmanager
def _started(folder: Path) -> Iterator[Stack]:
    command = [
        sys.executable, "-m", "longcall", "serve", "--port", "0", "--data", str(folder / "data"), "--json",
        "--chaos", FAULTS,
    ]  # fmt: skip
    with (folder / "log").open("w+b") as log:
        # In a session of its own, because Ctrl-C in the terminal must not reach it before this process.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)  # noqa: S603
        try:
            _wait_until_it_runs(process, log)
            yield read_stack(folder / "data" / "stack.json")
        finally:
            _stop(process)


def _wait_until_it_runs(process: "subprocess.Popen[bytes]", log: IO[bytes]) -> None:
    if (
        process.stdout is not None and process.stdout.readline()
    ):  # its addresses; the pipe is closed without them if it cannot start
        return
    log.seek(0)
    reason = log.read().decode("utf-8", "replace").strip().rpartition("\n")[2].removeprefix("longcall: ")
    raise CommandEnded(ExitCode.UNREACHABLE, f"a local stack could not be started: {reason}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.stdout is not None:
            process.stdout.close()
