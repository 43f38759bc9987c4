"""A MariaDB server for tests, with its data in a folder of its own and without accounts: any user may connect."""

import os
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

ACCOUNT: Final = "nobody"  # the server refuses to run as root
START_LIMIT: Final = 30.0  # seconds, on a busy machine
PAUSE: Final = 0.02
SYSTEM_PROGRAMS: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))


def find_server() -> str | None:
    """Return the path of the server, or None. As root on Debian, a missing one is installed with apt."""
    return _found() or (_found() if install("--no-install-recommends", "mariadb-server-core") else None)


def _found() -> str | None:
    return shutil.which("mariadbd", path=SYSTEM_PROGRAMS)


@contextmanager
def mariadb(server: str) -> Iterator[str]:
    """A running server; yields the URL of its database `shop`. Its folder is outside pytest's, which is private."""
    with tempfile.TemporaryDirectory(prefix="mariadb") as folder:
        data = Path(folder) / "data"
        (data / "mysql").mkdir(parents=True)  # empty: there are no accounts
        (data / "shop").mkdir()
        account = ACCOUNT if os.geteuid() == 0 else None
        if account is not None:
            Path(folder).chmod(0o755)
            for path in (data, data / "mysql", data / "shop"):
                shutil.chown(path, account)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [
                server, "--no-defaults", "--skip-grant-tables", f"--datadir={data}", f"--port={port}",
                "--bind-address=127.0.0.1", f"--socket={data}/socket", "--innodb-flush-log-at-trx-commit=0",
                "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data, user=account,
        )  # fmt: skip
        try:
            _wait_for(port, process)
            yield f"mariadb://root@127.0.0.1:{port}/shop"
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_LIMIT
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                if connection.recv(1):  # the server greets first
                    return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("MariaDB did not start")
        time.sleep(PAUSE)
