"""The engine's side of the fork server: starts it, requests workers, kills them and receives how they ended."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from appsync_local.devtools.health import LoopHealth
from appsync_local.errors import EngineError
from appsync_local.functions.channel import Channel
from appsync_local.functions.frames import Kind
from appsync_local.functions.node.command import node_command
from appsync_local.functions.node.executable import NODE_IS_MISSING, find_node
from appsync_local.functions.spec import INHERITED, FunctionSpec, environment_of
from appsync_local.functions.worker import Launch, WorkerSettings

_log: Final = logging.getLogger(__name__)

EXIT_GRACE: Final = 1.0  # seconds between closing its socket and the end of the process; it blocks the loop
STOP_GRACE: Final = 5.0  # seconds the fork server has to end its workers and itself
RELAUNCH_DELAY: Final = 1.0  # seconds before the next try to start one, after one could not be started


class FunctionsNotStarted(EngineError):
    """The functions cannot run at all; `reason` is one sentence."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the Lambda functions did not start: {reason}")


class FunctionsLost(Exception):
    """The process that the functions are forked from ended, and all running functions with it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the process that the functions are forked from ended with {status}")


class ForkServerClient:
    """One fork server, replaced when it dies. If a new one cannot be started, it is tried again until `stop`.

    Args:
        functions: By name.
        root: Folder that the handlers of functions without a package are imported from.
        preload: Modules imported before the first fork, and shared by all workers.
        path: Where modules are found besides the standard library; None: where this Python finds them.
        on_exit: Called with a worker's number and its wait status.
        on_lost: The fork server died, and every worker with it; a new one takes the next `spawn`.
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
        path: Sequence[str] | None,
        on_exit: Callable[[int, int], None],
        on_lost: Callable[[], None],
        health: LoopHealth,
    ) -> None:
        launches = {spec.name: _launch(spec, root) for spec in functions.values()}
        settings = WorkerSettings(list(preload), None if path is None else list(path), launches)
        self._settings = orjson.dumps(asdict(settings))
        self._is_isolated = path is not None
        self._on_exit = on_exit
        self._on_lost = on_lost
        self._health = health
        self._relaunch_timer: asyncio.TimerHandle | None = None
        self._has_started = False
        self._process: _ForkServerProcess | None = None
        self._is_stopping = False

    async def start(self) -> None:
        """Start the fork server and wait until it has imported everything.

        Raises:
            FunctionsNotStarted: Something in `preload` cannot be imported, or the fork server ended by itself.
        """
        self._process = self._launch()
        await asyncio.shield(self._process.ready)  # a frame sets it, also after this wait was cancelled

    async def stop(self) -> None:
        """End the fork server and all workers. Returns when they are gone."""
        self._is_stopping = True
        if self._relaunch_timer is not None:
            self._relaunch_timer.cancel()
        if self._process is None:
            return
        if not self._process.ready.done():
            self._process.process.kill()  # it has no workers yet, and would end only after its imports
        self._process.channel.finish()
        await asyncio.wait({self._process.gone}, timeout=STOP_GRACE)
        if not self._process.gone.done():
            _log.warning("the fork server did not end in time; killing it", extra={"event": "fork_server_killed"})
            self._process.process.kill()
        self._process.channel.close()
        _ended(self._process.process)

    def spawn(self, number: int, function: str, connection: socket.socket, output: int) -> None:
        """Ask for a worker; `number` is the caller's, unused so far. Both descriptors are the worker's from here on.

        The fork server is started, if `start` was not called before.

        Raises:
            OSError: The fork server is not running.
        """
        descriptors = (connection.detach(), output)
        if self._process is None and self._relaunch_timer is None and not self._is_stopping:
            self._has_started = True
            self._relaunch()
        if self._process is None or self._process.gone.done():
            for descriptor in descriptors:
                os.close(descriptor)
            raise OSError("the process they are forked from is gone, and a new one is being started")
        self._process.channel.send(Kind.SPAWN, orjson.dumps([number, function]), descriptors)

    def kill(self, number: int) -> None:
        """Have a worker killed, with everything it started; `on_exit` follows."""
        if self._process is not None:
            self._process.channel.send(Kind.KILL, orjson.dumps(number))

    def _launch(self) -> "_ForkServerProcess":
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = subprocess.Popen(  # noqa: S603  # this interpreter, a module of ours, no shell
                    [
                        sys.executable,
                        "-P",
                        *(["-S"] if self._is_isolated else []),
                        "-m",
                        f"{__package__}.fork_server",
                        str(theirs.fileno()),
                    ],
                    env=_isolated_environment() if self._is_isolated else _fork_server_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C in a terminal is for the engine to act on
                )
            except BaseException:
                ours.close()
                raise
        channel = Channel(ours, on_frame=self._heard, on_end=self._lost)
        channel.send(Kind.FUNCTIONS, self._settings)
        return _ForkServerProcess(process, channel, ready=loop.create_future(), gone=loop.create_future())

    def _heard(self, kind: Kind, body: bytes) -> None:
        match kind:
            case Kind.READY:
                self._running.ready.set_result(None)
                self._has_started = True
                self._health.succeeded()
            case Kind.REFUSED:
                self._running.ready.set_exception(FunctionsNotStarted(body.decode()))
            case Kind.EXITED:
                number, status = orjson.loads(body)
                self._on_exit(number, status)
            case _:
                raise ValueError(f"the fork server sends READY, REFUSED and EXITED, and sent {kind.name}")

    def _lost(self) -> None:
        fork_server = self._running
        fork_server.gone.set_result(None)
        if self._is_stopping:
            fork_server.ready.cancel()
            return
        status = _ended(fork_server.process)
        if not fork_server.ready.done():
            fork_server.ready.set_exception(
                FunctionsNotStarted(f"the process they are forked from ended with {status}")
            )
        failure = fork_server.ready.exception()
        if not self._has_started:
            return  # `start` raises it
        self._health.failed(failure or FunctionsLost(status))
        try:
            self._on_lost()
        finally:
            if failure is None:
                self._relaunch()
            else:  # it would probably fail again at once
                self._relaunch_later()

    def _relaunch(self) -> None:
        try:
            self._process = self._launch()
        except OSError as error:  # no memory, no process, or no file descriptor is left for now
            self._health.failed(error)
            self._relaunch_later()

    def _relaunch_later(self) -> None:
        self._relaunch_timer = asyncio.get_running_loop().call_later(RELAUNCH_DELAY, self._relaunch)

    @property
    def _running(self) -> "_ForkServerProcess":
        if self._process is None:
            raise RuntimeError("the fork server sent a message before it was started")
        return self._process


def _launch(spec: FunctionSpec, shared_root: Path) -> Launch:
    root = shared_root if spec.package is None else spec.package.root
    return Launch(
        spec.name, spec.handler, environment_of(spec, root=root), spec.memory_mb, spec.arn, spec.log_group, str(root),
        _node_command(spec) if spec.runs_on_node else [],
    )  # fmt: skip


def _node_command(spec: FunctionSpec) -> list[str]:
    node = find_node()
    if node is None:
        raise FunctionsNotStarted(f"{spec.name} runs on {spec.runtime}, and {NODE_IS_MISSING}")
    return node_command(node, spec)


@dataclass(frozen=True, slots=True)
class _ForkServerProcess:
    process: subprocess.Popen[bytes]
    channel: Channel
    ready: asyncio.Future[None]  # or why it will never be
    gone: asyncio.Future[None]


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a process that has closed its socket, and cannot be used any more."""
    try:
        return process.wait(timeout=EXIT_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _fork_server_environment() -> dict[str, str]:
    own = _isolated_environment()
    paths = [own["PYTHONPATH"], *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**own, "PYTHONPATH": os.pathsep.join(paths)}


def _isolated_environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    # macOS otherwise ends a forked process that touches its own frameworks.
    own = str(Path(__file__).parents[2])
    return {**inherited, "PYTHONPATH": own, "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}
