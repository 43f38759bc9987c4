"""Cognito and S3 on one machine: moto's server, in a process of its own on a free port of the loopback interface.

What S3 keeps is kept over restarts, see `local_stack.services.s3`; what Cognito has is made anew at every start,
see `local_stack.services.cognito`. moto checks no signature and no URL's expiry: it is for a machine's own loopback
and for nothing else.
"""

import asyncio
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Final

from local_stack.services.cognito import LOOPBACK, IdentityUnavailable

READY: Final = 20.0  # seconds for the server to come up on a busy machine


class AwsServer:
    """The server; it ends with this process, however that ends.

    Args:
        objects: The folder that S3's objects are kept in.
        region: Of the bucket.
        retention: Life of a job, and so of its objects.
    """

    def __init__(self, objects: Path, *, region: str, retention: timedelta) -> None:
        self._arguments = (str(objects), region, str(retention.total_seconds()))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start it; gives its endpoint.

        Raises:
            IdentityUnavailable
        """
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the stack, which ends this server last
        )  # fmt: skip
        assert self._process.stdout is not None  # noqa: S101
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), READY)
        except TimeoutError:
            line = b""
        if not line:
            await self.stop()
            raise IdentityUnavailable(
                f"the local Cognito and S3 did not start within {READY:.0f} s; run `python -m {__name__} "
                f"{' '.join(self._arguments)}` to see why"
            )
        return f"http://{LOOPBACK}:{int(line)}"

    async def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def main(objects: str, region: str, retention: str) -> None:
    """Serve until standard input ends, which it does when the parent dies in whatever way."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    from chalicelib.objects import lifetimes
    from local_stack.services.s3 import KeptObjects

    application = KeptObjects(
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
