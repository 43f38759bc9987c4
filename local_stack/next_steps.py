"""What `longcall serve` prints once the stack is running: addresses, users and commands to try."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from appsync_local.http.sites import origin_of
from local_stack.callers import caller_rows
from local_stack.description import Stack
from longcall.cli.program import program

CHALICE_CONFIG: Final = Path(".chalice/config.json")


def next_steps(stack: Stack, data: Path) -> str:
    """Addresses, users and commands that can be copied to another terminal.

    Args:
        stack: The running stack.
        data: Its data folder, absolute. If it is not the default one, the commands name it.
    """
    longcall, chalice = program(), program("chalice")
    stack_file = folder = ""
    if data != Path(".longcall").resolve():
        stack_file = f" --stack {shlex.quote(str(data / 'stack.json'))}"
        folder = f"LONGCALL_DATA={shlex.quote(str(data))} "
    address = origin_of(stack.graphql_url)
    is_checkout = CHALICE_CONFIG.is_file()  # Chalice serves the app in the working directory
    debug = (("Handlers", f"{folder}{chalice} local --stage local   (debug routes on port 8000)"),)
    if stack.ledger is None:
        return _of_application(stack, address, f"{longcall} token --auth cognito{stack_file}")
    # An application that has the jobs in its own API has no authorizer of Longcall's.
    console, auth = ((("Console", f"{address}/"),), "") if stack.has_console else ((), " --auth cognito")
    rows = (
        *console,
        ("Explorer", f"{address}/explorer"),
        ("GraphQL", stack.graphql_url),
        ("Realtime", stack.realtime_url),
        ("Users", ", ".join(f"{user.username} / {user.password}" for user in stack.pool.users)),
        ("A token", f"{longcall} token --header{auth}{stack_file}"),
        ("A job", f"{longcall} run FILE --model local.textrank{auth}{stack_file}"),
        ("Its jobs", f"{longcall} list{auth}{stack_file}"),
        *(debug if is_checkout else ()),
        ("Stop", "Ctrl-C"),
    )
    return f"\nLongcall is running at {address} (this machine only).\n{_lines(rows)}\n\n"


def _of_application(stack: Stack, address: str, token: str) -> str:
    """What an application without jobs offers."""
    rows = (
        ("Explorer", f"{address}/explorer{_of_first(stack)}"),
        *_apis(stack, token),
        ("Stop", "Ctrl-C"),
    )
    return f"\nThe application is running at {address} (this machine only).\n{_lines(rows)}\n\n"


def _of_first(stack: Stack) -> str:
    return f"   (of {next(iter(stack.api_urls))})" if stack.api_urls else ""


def _apis(stack: Stack, token: str) -> Iterator[tuple[str, str]]:
    """The addresses of the APIs, and for each of them who may call it."""
    users = [f"{user.username} / {user.password}" for user in stack.pool.users]
    for callers in stack.callers:
        yield "GraphQL", callers.url
        if len(stack.callers) == 1:
            yield "Realtime", stack.realtime_url
        yield from caller_rows(callers, users, stack.operator, token)


def _lines(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"  {name:<9} {value}" for name, value in rows)
