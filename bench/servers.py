"""The servers of the bench, each in a separate process."""

import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from bench import wire
from bench.application import SCHEMA, is_version, query_body
from bench.dialects import AppSync, Bare, Dialect, TransportWs

ROOT: Final = Path(__file__).resolve().parent.parent
_NODE: Final = Path(__file__).with_name("node")
PEERS_PYTHON: Final = Path(__file__).with_name(".venv") / "bin" / "python"
_POLL: Final = 0.002  # seconds between two attempts to reach a server that is starting


class Hears(Enum):
    """The events that a subscription to one job receives."""

    ITS_JOB = auto()
    EVERY_JOB = auto()


@dataclass(frozen=True, slots=True)
class Server:
    """The command that starts a server, and its protocol.

    Args:
        name: As the report shows it.
        command: The port follows it, and then `arguments`.
        dialect: How it is subscribed to.
        arguments: What follows the port.
        hears: Whether subscriptions receive events of their own job only.
    """

    name: str
    command: tuple[str, ...]
    dialect: Dialect
    arguments: tuple[str, ...] = ()
    hears: Hears = Hears.ITS_JOB


def engine(without: str = "") -> Server:
    """The engine, or the engine without one of its measures."""
    name = f"engine without {without}" if without else "engine"
    command = (sys.executable, "-m", "bench.peers.engine")
    return Server(name, command, AppSync("/graphql"), (without,) if without else ())


ENGINE: Final = engine()
BARE: Final = Server("bare aiohttp", (sys.executable, "-m", "bench.peers.bare"), Bare())
SIMULATOR: Final = Server(
    "Amplify simulator",
    ("node", str(_NODE / "simulator" / "server.cjs")),
    AppSync("/graphql/realtime"),
    (str(SCHEMA),),
    Hears.EVERY_JOB,  # 2.16.20 calls its filter without the subscription's arguments, so that all events pass it
)
YOGA: Final = Server(
    "graphql-yoga", ("node", str(_NODE / "yoga" / "server.mjs")), TransportWs("/graphql"), (str(SCHEMA),)
)
ARIADNE: Final = Server("Ariadne", (str(PEERS_PYTHON), "-m", "bench.peers.ariadne_server"), TransportWs("/graphql"))
STRAWBERRY: Final = Server(
    "Strawberry", (str(PEERS_PYTHON), "-m", "bench.peers.strawberry_server"), TransportWs("/graphql")
)
PEERS: Final = (SIMULATOR, YOGA, ARIADNE, STRAWBERRY)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that has answered.

    Args:
        server: Which one.
        port: Where.
        pid: Its process.
        started: Seconds from the start of its process to its first answer.
    """

    server: Server
    port: int
    pid: int
    started: float

    def processor_time(self) -> float:
        """Processor time of the process in seconds; NaN if the system does not report it precisely enough."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return math.nan
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """Memory that the process holds, in MiB."""
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(self.pid)], check=True, capture_output=True)  # noqa: S603, S607
        return int(said.stdout) / 1024


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """A server, from its first answer until it is ended."""
    port = _free_port()
    request = wire.post("/graphql", server.dialect.headers(), query_body())
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  # commands from above
        [*server.command, str(port), *server.arguments],
        cwd=ROOT,
        env=production_environment(),
        stdout=subprocess.DEVNULL,
        stderr=None
        if server.name.startswith("engine")
        else subprocess.DEVNULL,  # warnings about listeners, and versions
    )
    try:
        _first_answer(process, port, request, until=began + wire.TIMEOUT)
        yield Running(server, port, process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def production_environment() -> dict[str, str]:
    """The environment of a server as in production; Python keeps compiled files."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "NODE_ENV": "production"}


def _first_answer(process: subprocess.Popen[bytes], port: int, request: bytes, *, until: float) -> None:
    while time.perf_counter() < until and process.poll() is None:
        try:
            requests = wire.Requests(port)
            body = requests.ask(request)
        except ConnectionError:  # nobody listens yet, or only to try whether the port is free
            time.sleep(_POLL)
            continue
        requests.close()
        if not is_version(body):
            raise wire.Broken(f"expected the version, found {body[:300]!r}")
        return
    raise wire.Broken(f"the server did not answer; its exit code is {process.poll()}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((wire.HOST, 0))
        port: int = free.getsockname()[1]
        return port
