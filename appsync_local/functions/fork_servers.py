"""The fork servers of a pool: which one a function's workers come from.

Functions without a package share one fork server, which has all libraries of this Python and imports some of them
beforehand. Functions in Python that share a package share one that has the standard library and what the package
names, so that a function which lacks a dependency fails here as it fails on Lambda. All functions for other programs
share one. Those that import nothing beforehand are started when they are first needed.
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from appsync_local.devtools.health import LoopHealth
from appsync_local.functions.fork_server_client import ForkServerClient
from appsync_local.functions.spec import FunctionSpec


class ForkServers:
    """All fork servers. They are used as one.

    Args:
        functions: By name.
        root: Folder that the handlers of functions without a package are imported from.
        preload: Modules imported before the first worker of such a function is forked, and shared by all.
        on_exit: Called with a worker's number and its wait status.
        on_lost: A fork server died, and every worker of these functions with it; the next `spawn` gets a new one.
        health: Where the ends of fork servers are counted.

    Raises:
        FunctionsNotStarted: A function runs on Node.js, which this machine does not have.
    """

    def __init__(
        self,
        functions: Mapping[str, FunctionSpec],
        *,
        root: Path,
        preload: Sequence[str],
        on_exit: Callable[[int, int], None],
        on_lost: Callable[[Collection[str]], None],
        health: LoopHealth,
    ) -> None:
        groups: defaultdict[tuple[str, ...] | None, dict[str, FunctionSpec]] = defaultdict(dict)
        for spec in functions.values():
            groups[_path(spec)][spec.name] = spec
        self._on_exit = on_exit
        self._of_function: dict[str, ForkServerClient] = {}
        self._of_worker: dict[int, ForkServerClient] = {}
        self._eager: list[ForkServerClient] = []
        for path, members in groups.items():
            client = ForkServerClient(
                members, root=root, preload=preload if path is None else (), path=path, on_exit=self._exited,
                on_lost=partial(on_lost, members.keys()), health=health,
            )  # fmt: skip
            self._of_function |= dict.fromkeys(members, client)
            if path is None:
                self._eager.append(client)

    async def start(self) -> None:
        """Start the fork servers that import something beforehand, and wait for them.

        Raises:
            FunctionsNotStarted: Something in `preload` cannot be imported, or the fork server ended by itself.
        """
        await asyncio.gather(*(client.start() for client in self._eager))

    async def stop(self) -> None:
        """End all fork servers and all workers. Returns when they are gone."""
        await asyncio.gather(*(client.stop() for client in set(self._of_function.values())))

    def spawn(self, number: int, function: str, connection: socket.socket, output: int) -> None:
        """See `ForkServerClient.spawn`."""
        client = self._of_function[function]
        client.spawn(number, function, connection, output)
        self._of_worker[number] = client

    def kill(self, number: int) -> None:
        """See `ForkServerClient.kill`."""
        if (client := self._of_worker.get(number)) is not None:
            client.kill(number)

    def _exited(self, number: int, status: int) -> None:
        self._of_worker.pop(number, None)
        self._on_exit(number, status)


def _path(spec: FunctionSpec) -> tuple[str, ...] | None:
    """Where a function's modules are found besides the standard library; None: where this Python finds them."""
    if spec.runs_on_node:
        return ()
    return None if spec.package is None else tuple(spec.package.python_path(spec.runtime))
