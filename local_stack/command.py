"""The local stack as a command: `python -m local_stack`, which `longcall serve` runs."""

import argparse
import asyncio
import json
import os
import resource
import shlex
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from local_stack.log import choose, log_to, usual_detail
from local_stack.services.cognito import LOOPBACK

if TYPE_CHECKING:
    from local_stack.stack import Options, Stack

UNUSABLE: Final = 2  # exit codes: the command line's USAGE
CANNOT_START: Final = 3  # and its UNREACHABLE
TUNABLE: Final = frozenset(  # settings of the handlers that may be set in this process's environment
    f"LONGCALL_{name}"
    for name in (
        "QUOTA", "RETENTION_DAYS", "LEASE_SECONDS", "FLUSH_POLICY", "FLUSH_SECONDS", "FLUSH_BYTES",
        "FLUSH_STALENESS", "FLUSH_SHARE", "HEARTBEAT_SECONDS",
        "MODELS", "GUARDRAIL", "MODEL_SILENCE_SECONDS", "REDISPATCH_SECONDS", "NEVER_STARTED_SECONDS",
        "STALLED_SECONDS",
    )
)  # fmt: skip
JOBS: Final = 8  # at once, on a developer's machine
MOST_JOBS: Final = 256
MOST_FILES: Final = 65_536
LONGEST: Final = 900  # seconds of an invocation
LONGCALL: Final = (sys.executable, "-m", "longcall")
EXAMPLES: Final = """\
examples:
  longcall serve --port 4001 --data /tmp/other
  longcall serve --once -- run report.txt
  longcall serve --watch --verbose
  longcall serve --template cdk.out/longcall-dev.template.json
"""


def main() -> None:
    """Start the stack, run a command against it if one was given, and stay up until Ctrl-C."""
    arguments = _parser().parse_args()
    detail = usual_detail(verbose=arguments.verbose, has_command=bool(arguments.command))
    log_to(sys.stderr, detail)
    sys.exit(_run(arguments))


class _Parser(argparse.ArgumentParser):
    """One sentence for what cannot be used, as every other command says it."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"longcall: {message}; see longcall serve --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="longcall serve", description="Run all of Longcall on this machine.", epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--host", default=LOOPBACK, help="loopback address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=4000, help="port of the GraphQL API (default %(default)s)")
    parser.add_argument(
        "--data", type=Path, default=Path(".longcall"), help="folder for jobs and state (default %(default)s)"
    )
    parser.add_argument("--ledger", help="sqlite:<path> or dynamodb:<table> (default: jobs.db in the data folder)")
    parser.add_argument("--cognito", help="URL of a Cognito emulator that runs already (default: one is started)")
    parser.add_argument("--users", type=int, default=2, help="test users to make, 2 to 100 (default %(default)s)")
    parser.add_argument("--jobs", type=int, help=f"jobs that run at once, 1 to 256 (default {JOBS}, or the stage's)")
    parser.add_argument(
        "--timeout", type=int, help=f"seconds of one job, 1 to {LONGEST} (default {LONGEST}, or the stage's)"
    )
    parser.add_argument("--stage", help="run with the settings and limits of a stage of infrastructure/stages.py")
    parser.add_argument(
        "--template", type=Path, metavar="FILE", help="run what a synthesised CloudFormation template describes"
    )
    parser.add_argument(
        "--bedrock", metavar="WHERE", help="run Amazon Bedrock's models too: aws, or the URL of an endpoint"
    )
    parser.add_argument(
        "--openai",
        metavar="URL",
        help="server of models called openai/…, as http://127.0.0.1:8080/v1 (default: Ollama)",
    )
    parser.add_argument(
        "--chaos", default="", metavar="SPEC", help="what goes wrong on purpose, as drop=0.3,crash=0.05,seed=7"
    )
    parser.add_argument("--once", action="store_true", help="stop when COMMAND has ended, with its exit code")
    parser.add_argument("--watch", action="store_true", help="take up schema, resolvers and handlers as they change")
    parser.add_argument(
        "--verbose", action="store_true", help="log every operation, its resolver steps, and what the workers print"
    )
    parser.add_argument(
        "--json", action="store_true", help="print what stack.json holds as a line on standard output once it is up"
    )
    parser.add_argument(
        "command", nargs="*", metavar="COMMAND", help="after --: a longcall command to run once it is up"
    )
    return parser


def _options(arguments: argparse.Namespace) -> "Options":
    from appsync_local.devtools.chaos.spec import parse_chaos
    from infrastructure.stages import stage_named
    from local_stack.stack import Options, StackError

    if not (arguments.host == "localhost" or arguments.host.startswith("127.") or arguments.host == "::1"):
        raise StackError(
            f"the local stack signs its tokens with a key that everybody knows, so it listens on loopback only, "
            f"and {arguments.host} is not: use --host {LOOPBACK}"
        )
    data = arguments.data.resolve()
    stage = None if arguments.stage is None else stage_named(arguments.stage)
    usual = JOBS if stage is None else min(stage.jobs, MOST_JOBS)
    jobs = usual if arguments.jobs is None else arguments.jobs
    if arguments.template is not None:
        own = ("stage", "jobs", "timeout", "ledger")
        if said := [f"--{name}" for name in own if getattr(arguments, name) is not None]:
            raise StackError(f"a template says itself what {said[0]} chooses; leave out {' and '.join(said)}")
        if arguments.watch:
            raise StackError("what a template describes is built already and does not change; leave out --watch")
    return Options(
        host=arguments.host,
        port=_within(arguments.port, "--port", least=1, most=65535),
        data=data,
        ledger=arguments.ledger or f"sqlite:{data / 'jobs.db'}",
        cognito=arguments.cognito,
        users=_within(arguments.users, "--users", least=2, most=100),
        jobs=_within(jobs, "--jobs", least=1, most=MOST_JOBS),
        timeout=_optional_within(arguments.timeout, "--timeout", least=1, most=LONGEST),
        chaos=parse_chaos(arguments.chaos),
        watches=arguments.watch,
        settings={name: value for name, value in os.environ.items() if name in TUNABLE},
        bedrock=arguments.bedrock,
        openai=_server_url(arguments.openai),
        stage=stage,
        template=arguments.template,
    )


def _server_url(url: str | None) -> str | None:
    from local_stack.stack import StackError

    if url is not None and not url.startswith(("http://", "https://")):
        raise StackError(f"--openai takes the URL of a server, as http://127.0.0.1:8080/v1, and {url!r} is none")
    return url


def _optional_within(value: int | None, name: str, *, least: int, most: int) -> int | None:
    return None if value is None else _within(value, name, least=least, most=most)


def _within(value: int, name: str, *, least: int, most: int) -> int:
    from local_stack.stack import StackError

    if not least <= value <= most:
        raise StackError(f"{name} takes a number from {least} to {most}, and {value} is not")
    return value


def allow_many_sockets() -> None:
    """As many open files as the system grants: every client is one, and some systems begin with 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = max(soft, MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES))
    with suppress(ValueError, OSError):  # as before, then
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))


def _run(arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    allow_many_sockets()
    import uvloop

    from appsync_local.errors import ApiInvalid, EngineError
    from chalicelib.jobs.errors import MissingSettings
    from infrastructure.stages import UnknownStage
    from local_stack.services.bedrock import BedrockUnusable
    from local_stack.services.cognito import IdentityUnavailable
    from local_stack.source_positions import placed
    from local_stack.stack import StackError
    from local_stack.template.intrinsics import TemplateInvalid

    refusals = (
        StackError, EngineError, IdentityUnavailable, BedrockUnusable, MissingSettings, TemplateInvalid,
        UnknownStage,
    )  # fmt: skip
    try:
        return uvloop.run(_serve(arguments, started))
    except ApiInvalid as invalid:
        return _refused(ApiInvalid(placed(invalid.problems)), as_json=arguments.json)
    except refusals as error:
        return _refused(error, as_json=arguments.json)


def _refused(error: Exception, *, as_json: bool) -> int:
    said = {"error": type(error).__name__, "message": str(error), "exitCode": CANNOT_START}
    sys.stderr.write(f"{json.dumps(said)}\n" if as_json else f"longcall: {error}\n")
    return CANNOT_START


async def _serve(arguments: argparse.Namespace, started: float) -> int:
    from local_stack.stack import running

    options, command, once = _options(arguments), arguments.command, arguments.once

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    # While a command runs, Ctrl-C is its own to answer: the terminal sends it to both, and detaching is not stopping.
    loop.add_signal_handler(signal.SIGINT, _leave_to_command if command else stopped.set)
    async with running(options) as stack:
        for remark in stack.remarks:
            sys.stderr.write(f"longcall: {remark}\n")
        sys.stderr.write(f"longcall is up at {stack.graphql_url}, {time.monotonic() - started:.1f} s after the start\n")
        if arguments.json:
            sys.stdout.write(f"{json.dumps(stack.describe())}\n")
            sys.stdout.flush()
        code = 0
        if command:
            code = await _run_command(command, options, stopped)
            loop.add_signal_handler(signal.SIGINT, stopped.set)
            choose(usual_detail(verbose=arguments.verbose, has_command=False))
        if not once and not stopped.is_set():
            sys.stderr.write(next_steps(stack, options.data))
            await stopped.wait()
            sys.stderr.write("stopping; jobs stay in " + str(options.data) + "\n")
        return code


def _leave_to_command() -> None:
    return


async def _run_command(command: list[str], options: "Options", stopped: asyncio.Event) -> int:
    """Run a longcall command against the stack, as a person would; it ends early where the stack is stopped."""
    process = await asyncio.create_subprocess_exec(
        *LONGCALL,
        *command,
        env={**os.environ, "LONGCALL_TARGET": "local", "LONGCALL_STACK": str(options.data / "stack.json")},
    )
    ended = asyncio.ensure_future(process.wait())
    stopping = asyncio.ensure_future(stopped.wait())
    await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not ended.done():
        process.terminate()
    return await ended


def next_steps(stack: "Stack", data: Path) -> str:
    """What a developer needs once the stack is up, to be typed as it stands in another terminal.

    Args:
        stack: What runs.
        data: Its folder, absolute; commands are told of it unless they look there anyway.
    """
    longcall, chalice = shlex.quote(_command("longcall")), shlex.quote(_command("chalice"))
    stack_file = folder = ""
    if data != Path(".longcall").resolve():
        stack_file = f" --stack {shlex.quote(str(data / 'stack.json'))}"
        folder = f"LONGCALL_DATA={shlex.quote(str(data))} "
    rows = (
        ("GraphiQL", stack.graphql_url.removesuffix("graphql")),
        ("GraphQL", stack.graphql_url),
        ("Realtime", stack.realtime_url),
        ("Users", ", ".join(f"{user.username} / {user.password}" for user in stack.pool.users)),
        ("A token", f"{longcall} token --header{stack_file}"),
        ("A job", f"{longcall} run FILE --model local.textrank{stack_file}"),
        ("Its jobs", f"{longcall} list{stack_file}"),
        ("Handlers", f"{folder}{chalice} local --stage local   (debug routes on port 8000)"),
        ("Stop", "Ctrl-C"),
    )
    lines = "\n".join(f"  {name:<9} {value}" for name, value in rows)
    return f"\nThe stack is up, on this machine's loopback only: its signing key is public.\n{lines}\n\n"


def _command(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    if not beside.exists():
        return name
    try:
        return str(beside.relative_to(Path.cwd()))
    except ValueError:
        return str(beside)
