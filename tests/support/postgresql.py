"""A PostgreSQL server for tests, with its data in a folder of its own."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.debian import install

USER: Final = "postgres"
ACCOUNTS: Final = ("postgres", "nobody")  # the server refuses to run as root
DEBIAN: Final = Path("/usr/lib/postgresql")
START_LIMIT: Final = 30.0  # seconds, on a busy machine
PAUSE: Final = 0.02


def find_programs() -> Path | None:
    """Return the folder with `initdb` and `postgres`, or None. As root on Debian, a missing server is installed."""
    return _programs() or (_programs() if install("postgresql") else None)


def _programs() -> Path | None:
    folders = sorted(DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name))
    named = shutil.which("initdb")
    candidates = [*reversed(folders), *([] if named is None else [Path(named).resolve().parent])]
    return next((it for it in candidates if (it / "initdb").exists() and (it / "postgres").exists()), None)


class PostgreSqlServer:
    """A server at 127.0.0.1 that can be stopped and started again.

    Attributes:
        url: Where its database is.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._data = folder / "data"
        self._account = _account()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._data.mkdir()
        if self._account is not None:
            folder.chmod(0o755)
            shutil.chown(self._data, self._account)
        self._run("initdb", "-D", str(self._data), "-U", USER, "--auth=trust", "--no-sync", "--no-locale", "-E", "UTF8")

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._process = subprocess.Popen(
            [
                self._programs / "postgres", "-D", self._data, "-p", str(self._port), "-F",
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._data, user=self._account,
        )  # fmt: skip
        end = time.monotonic() + START_LIMIT
        while subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        ).returncode:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("PostgreSQL did not start")
            time.sleep(PAUSE)

    def stop(self) -> None:
        """Close every connection and end the server."""
        if self._process is not None:
            self._process.send_signal(2)  # SIGINT: a fast shutdown
            self._process.wait()
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], check=True, capture_output=True, cwd=self._data, user=self._account
        )


def _account() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {it.pw_name for it in pwd.getpwall()}
    return next(it for it in ACCOUNTS if it in known)


@contextmanager
def postgresql(programs: Path) -> Iterator[PostgreSqlServer]:
    """A running server. Its folder is outside pytest's, which other accounts may not enter."""
    with tempfile.TemporaryDirectory(prefix="postgresql") as folder:
        server = PostgreSqlServer(programs, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()
