"""Cognito, S3 and DynamoDB of a local stack: moto's server, in its own process on a free loopback port.

S3's objects outlive a restart, see `local_stack.services.s3`. Cognito's users are created at every start, see
`local_stack.services.cognito`. moto does not check signatures or the expiry of URLs: use it on the loopback interface
only.
"""

import asyncio
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Final

from local_stack.services.cognito import LOOPBACK, IdentityUnavailable

START_TIMEOUT: Final = 20.0  # seconds, on a busy machine


class MotoServer:
    """The server. It ends when this process ends, even if this process is killed.

    Args:
        objects: Folder of S3's objects.
        region: Region of the bucket.
        retention: Lifetime of a job, and so of its objects.
    """

    def __init__(self, objects: Path, *, region: str, retention: timedelta) -> None:
        self._arguments = (str(objects), region, str(retention.total_seconds()))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start it and return its endpoint.

        Raises:
            IdentityUnavailable: It did not start in time.
        """
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must reach only the stack, which ends this server last
        )  # fmt: skip
        assert self._process.stdout is not None  # noqa: S101
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), START_TIMEOUT)
        except TimeoutError:
            line = b""
        if not line:
            await self.stop()
            raise IdentityUnavailable(
                f"the local Cognito and S3 did not start within {START_TIMEOUT:.0f} s; run `python -m {__name__} "
                f"{' '.join(self._arguments)}` to see why"
            )
        return f"http://{LOOPBACK}:{int(line)}"

    async def stop(self) -> None:
        """End it, if it is running."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def main(objects: str, region: str, retention: str) -> None:
    """Serve until standard input ends, which happens when the parent process ends for any reason."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    from chalicelib.objects import lifetimes
    from local_stack.services.s3 import PersistentObjects

    application = PersistentObjects(
        DomainDispatcherApplication(create_backend_app),
        Path(objects), region=region, lifetimes=lifetimes(timedelta(seconds=float(retention))),
    )  # fmt: skip
    server = make_server(LOOPBACK, 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
