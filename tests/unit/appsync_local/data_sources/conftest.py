"""Fixtures: a table in an emulated DynamoDB, and request objects made by resolver code."""

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.data_sources.dynamodb.client import DynamoDbClient
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.data_sources.dynamodb.source import DynamoDbDataSource
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.javascript.context import FieldContext, RequestContext
from appsync_local.javascript.script import Script
from tests.contract.conftest import DYNALITE, MOTO, serving
from tests.support import node_packages
from tests.support.engine_doubles import RecordingInvoker

INFO = {"fieldName": "f", "parentTypeName": "Mutation", "selectionSetList": [], "selectionSetGraphQL": ""}


def field_context(**arguments: Any) -> FieldContext:
    """The context of a field with these arguments."""
    request = RequestContext(Caller(AuthMode.LAMBDA, {"resolverContext": {"sub": "ada"}}), {}, {})
    return FieldContext(request, "Mutation", "f", arguments, None, INFO)


class Table:
    """One table behind the data source. `run` takes a JavaScript expression with `ddb` or `util`."""

    def __init__(self, name: str, client: DynamoDbClient, folder: Path) -> None:
        self.name = name
        self.client = client
        self.invoker = RecordingInvoker()
        self.source = DynamoDbDataSource(name, client, self.invoker)
        self._folder = folder

    def request(self, expression: str) -> dict[str, Any]:
        """The request object that resolver code returns."""
        path = self._folder / f"{uuid.uuid4()}.js"
        path.write_text(
            "import { util } from '@aws-appsync/utils';\nimport * as ddb from '@aws-appsync/utils/dynamodb';\n"
            f"const table = '{self.name}';\n"
            f"export function request(ctx) {{ return {expression}; }}\nexport function response(ctx) {{}}\n",
            encoding="utf-8",
        )
        own, around = json.dumps({"arguments": {}, "stash": {}}), json.dumps({"info": INFO})
        made: dict[str, Any] = Script(path).call("request", own, around, None).body["value"]
        return made

    async def run(self, expression: str, **arguments: Any) -> Any:
        """`ctx.result` of this request object."""
        return await self.source.execute(self.request(expression), field_context(**arguments))

    async def has(self, *ids: str) -> bool:
        """Whether exactly these items are stored."""
        return sorted(item["id"] for item in (await self.run("ddb.scan({})"))["items"]) == sorted(ids)


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with serving(sys.executable, "-c", MOTO) as url:
        yield url


@pytest.fixture(scope="session")
def dynalite() -> Iterator[str]:
    missing = node_packages.node_is_missing()
    if missing is not None:
        pytest.skip(f"{missing}, so only moto checks the requests")
    node_packages.install()
    with serving(node_packages.found("node"), "-e", DYNALITE, cwd=node_packages.FOLDER) as url:
        yield url


@pytest.fixture
async def make_table(tmp_path: Path) -> AsyncIterator[Callable[[str], Any]]:
    http_client = HttpClient()

    async def make(url: str) -> Table:
        client = DynamoDbClient(DynamoDbEndpoint(url), http_client)
        name = f"jobs-{uuid.uuid4()}"
        await client.call(
            "CreateTable",
            {
                "TableName": name,
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
                "AttributeDefinitions": [
                    {"AttributeName": "id", "AttributeType": "S"},
                    {"AttributeName": "n", "AttributeType": "N"},
                ],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
        async with asyncio.timeout(20):
            while (await client.call("DescribeTable", {"TableName": name}))["Table"]["TableStatus"] != "ACTIVE":  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return Table(name, client, tmp_path)

    yield make
    await http_client.close()


@pytest.fixture(params=["moto", "dynalite"])
async def table(request: pytest.FixtureRequest, make_table: Callable[[str], Any]) -> Table:
    """An empty table; each test runs once per emulator."""
    made: Table = await make_table(request.getfixturevalue(request.param))
    return made


@pytest.fixture
async def transactional(moto: str, make_table: Callable[[str], Any]) -> Table:
    """An empty table in an emulator that supports transactions."""
    made: Table = await make_table(moto)
    return made
