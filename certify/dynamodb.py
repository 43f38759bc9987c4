"""moto's DynamoDB in its own process: `python -m certify.dynamodb` prints its port and serves until its standard input
ends.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from certify.product import ROOT
from certify.stack import StackFailed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE: Final = "jobs"
REGION: Final = "us-east-1"
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
}  # fmt: skip


@asynccontextmanager
async def dynamodb() -> AsyncIterator[str]:
    """The endpoint of a DynamoDB with the table, which runs until the block ends.

    Raises:
        StackFailed: moto did not start.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__,
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None  # noqa: S101  # a pipe was asked for
        line = await process.stdout.readline()
        if not line:
            raise StackFailed(f"moto's DynamoDB did not start; run `python -m {__name__}` to see why")
        endpoint = f"http://127.0.0.1:{int(line)}"
        await asyncio.to_thread(_create_table, endpoint)
        yield endpoint
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def client_of(endpoint: str) -> "DynamoDBClient":
    import boto3

    return boto3.client(
        "dynamodb", endpoint_url=endpoint, region_name=REGION,
        aws_access_key_id="local", aws_secret_access_key="local",  # noqa: S106  # moto accepts any
    )  # fmt: skip


def _create_table(endpoint: str) -> None:
    from chalicelib.ledger.dynamodb_items import table_definition

    client_of(endpoint).create_table(**table_definition(TABLE))


def main() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    from local_stack.services.one_at_a_time import OneAtATime

    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
