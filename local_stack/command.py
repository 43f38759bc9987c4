"""Runs a local stack as a command: `python -m local_stack`, which `longcall serve` executes."""

import argparse
import asyncio
import gc
import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from local_stack.arguments import UNUSABLE_ARGUMENTS, argument_parser
from local_stack.data_folder import PRIVATE_UMASK
from local_stack.log import StackLog, usual_detail

if TYPE_CHECKING:
    from local_stack.options import Options

CANNOT_START: Final = 3  # exit code: the command line's UNREACHABLE
MOST_FILES: Final = 65_536
YOUNG_OBJECTS: Final = 10_000  # between two searches for garbage; Python searches after 700
LONGCALL: Final = (sys.executable, "-m", "longcall")


def main() -> None:
    """Start the stack, run a command against it if one was given, and keep running until Ctrl-C."""
    arguments = argument_parser().parse_args()
    usual_umask = os.umask(PRIVATE_UMASK)  # of this process, and of all processes that it starts
    detail = usual_detail(verbose=arguments.verbose, has_command=bool(arguments.command))
    sys.exit(_run(arguments, StackLog(sys.stderr, detail), usual_umask))


def allow_many_sockets() -> None:
    """Raise the limit of open files as far as the system allows: each client needs one, and some systems allow 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft, MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES))
    with suppress(ValueError, OSError):  # then the limit stays as it was
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _run(arguments: argparse.Namespace, log: StackLog, umask: int) -> int:
    started = time.monotonic()
    gc.disable()  # until the stack runs: what a start makes stays, so that looking for garbage in it finds nothing
    allow_many_sockets()
    # Imported here, so that --help and mistakes in the arguments are answered at once.
    import uvloop

    from appsync_local.errors import ApiInvalid, EngineError
    from chalicelib.jobs.errors import MissingSettings
    from infrastructure.project import ProjectInvalid
    from local_stack.errors import OptionInvalid, StackError
    from local_stack.services.bedrock import BedrockUnusable
    from local_stack.source_positions import with_positions
    from local_stack.template.document import TemplateInvalid

    expected = (
        StackError, EngineError, BedrockUnusable, MissingSettings, TemplateInvalid,
        ProjectInvalid,
    )  # fmt: skip
    try:
        return uvloop.run(_serve(arguments, log, started, umask))
    except ApiInvalid as invalid:
        return _cannot_start(ApiInvalid(with_positions(invalid.problems)), CANNOT_START, as_json=arguments.json)
    except OptionInvalid as error:
        return _cannot_start(error, UNUSABLE_ARGUMENTS, as_json=arguments.json)
    except expected as error:
        return _cannot_start(error, CANNOT_START, as_json=arguments.json)


def _cannot_start(error: Exception, code: int, *, as_json: bool) -> int:
    report = {"error": type(error).__name__, "message": str(error), "exitCode": code}
    sys.stderr.write(f"{json.dumps(report)}\n" if as_json else f"longcall: {error}\n")
    return code


async def _serve(arguments: argparse.Namespace, log: StackLog, started: float, umask: int) -> int:
    from appsync_local.http.sites import origin_of
    from local_stack.browser import open_page
    from local_stack.next_steps import next_steps
    from local_stack.options import options_from
    from local_stack.stack import running

    options, command, once = options_from(arguments), arguments.command, arguments.once

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    # The terminal sends Ctrl-C to the command too. While one runs, only the command reacts: it may detach from its job.
    loop.add_signal_handler(signal.SIGINT, _ignore if command else stopped.set)
    async with running(options, log) as stack:
        _collect_garbage_rarely()
        for warning in stack.warnings:
            sys.stderr.write(f"longcall: {warning}\n")
        seconds = time.monotonic() - started
        page = f"{origin_of(stack.graphql_url)}/"
        sys.stderr.write(f"the {'console' if stack.has_console else 'explorer'} is at {page}\n")
        sys.stderr.write(f"longcall serves {stack.graphql_url} after {seconds:.1f} s\n")
        if arguments.open and not await asyncio.to_thread(open_page, page, os.environ):
            sys.stderr.write("longcall: no browser could be opened; --open needs a desktop\n")
        if arguments.json:
            sys.stdout.write(f"{json.dumps(stack.describe())}\n")
            sys.stdout.flush()
        code = 0
        if command:
            code = await _run_command(command, options, stopped, umask)
            loop.add_signal_handler(signal.SIGINT, stopped.set)
            log.set_detail(usual_detail(verbose=arguments.verbose, has_command=False))
        if not once and not stopped.is_set():
            sys.stderr.write(next_steps(stack, options.data))
            await stopped.wait()
            sys.stderr.write("stopping\n" if stack.ledger is None else f"stopping; jobs are kept in {options.data}\n")
        return code


def _collect_garbage_rarely() -> None:
    """Look for garbage among new objects only, and less often: what exists now is in use until the stack stops."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.enable()


def _ignore() -> None:
    return


async def _run_command(command: list[str], options: "Options", stopped: asyncio.Event, umask: int) -> int:
    """Run a longcall command against the stack and return its exit code; terminate it if the stack is stopped."""
    process = await asyncio.create_subprocess_exec(
        *LONGCALL,
        *command,
        env={**os.environ, "LONGCALL_TARGET": "local", "LONGCALL_STACK": str(options.data / "stack.json")},
        preexec_fn=partial(os.umask, umask),  # the files that the command writes are not the stack's
    )
    ended = asyncio.ensure_future(process.wait())
    stopping = asyncio.ensure_future(stopped.wait())
    await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not ended.done():
        process.terminate()
    return await ended
