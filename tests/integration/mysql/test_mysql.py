"""Statements of `createMySQLStatement` on MariaDB: the same requests and answers as on PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from appsync_local.data_sources.rds.databases import Databases
from appsync_local.data_sources.rds.source import RdsDataSource
from appsync_local.errors import SourceFailed
from appsync_local.javascript.script import Script
from tests.support.mariadb import find_server, mariadb
from tests.unit.appsync_local.data_sources.conftest import field_context

TABLE = """
    CREATE OR REPLACE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL, price DECIMAL(8, 2),
      weight DOUBLE, sold BOOLEAN, details JSON, made DATE, opens TIME(3), added DATETIME(3), kind SET('a', 'b'))
"""
CODE = """
import * as rds from "@aws-appsync/utils/rds";
export function request(ctx) {{ return rds.createMySQLStatement({statements}); }}
export function response(ctx) {{ return rds.toJsonObject(ctx.result); }}
"""


class Shop:
    """Runs statements that resolver code makes."""

    def __init__(self, source: RdsDataSource, file: Path) -> None:
        self._source = source
        self._file = file

    async def run(self, statements: str) -> Any:
        """The rows of each statement; `statements` are arguments of `createMySQLStatement`."""
        self._file.write_text(CODE.format(statements=statements), "utf-8")
        script = Script(self._file)
        context = json.dumps({"arguments": {}, "stash": {}})
        request = script.call("request", context, "{}", None).body["value"]
        result = await self._source.execute(request, field_context())
        answered = json.dumps({"arguments": {}, "stash": {}, "result": result})
        return script.call("response", answered, "{}", None).body["value"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    pytest.importorskip("mysql.connector")
    server = find_server()
    if server is None:
        pytest.skip("no MariaDB was found; install it (apt-get install mariadb-server-core) to test RDS with MySQL")
    with mariadb(server) as running:
        yield running


@pytest_asyncio.fixture
async def shop(url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    databases = Databases({"Shop": url})
    shop = Shop(RdsDataSource("Shop", databases.pool_of("Shop", "cluster")), tmp_path / "code.js")
    await shop.run(f"`{TABLE}`")
    yield shop
    await databases.close()


async def test_a_row_keeps_every_value_and_leaves_out_none(shop: Shop) -> None:
    inserted = await shop.run(
        "rds.insert({ table: 'item', values: { name: \"it's `?` %s :x\", price: rds.typeHint.DECIMAL('9.50'), "
        "weight: 1.5, sold: true, details: rds.typeHint.JSON({ k: [1] }), made: '2026-01-02', opens: '09:05:00.5', "
        "added: rds.typeHint.TIMESTAMP('2026-01-02 03:04:05.678'), kind: 'b,a' } }), "
        "rds.sql`select *, ${7} as seven, ':n' as text, 5 % 3 as rest, x'00ff' as bytes from item`"
    )

    assert inserted == [[{}], [
        {"id": 1, "name": "it's `?` %s :x", "price": "9.50", "weight": 1.5, "sold": 1, "details": '{"k":[1]}',
         "made": "2026-01-02", "opens": "09:05:00.5", "added": "2026-01-02 03:04:05.678", "kind": "a,b", "seven": 7,
         "text": ":n", "rest": 2, "bytes": "AP8="},
    ]]  # fmt: skip


async def test_conditions_order_and_limit_are_those_of_the_database(shop: Shop) -> None:
    for name in ("Saw", "Awl", "Axe"):
        await shop.run(f"rds.insert({{ table: 'item', values: {{ name: '{name}' }} }})")

    found = await shop.run(
        "rds.select({ table: { i: 'shop.item' }, columns: ['i.name'], where: { name: { beginsWith: 'A' } }, "
        "orderBy: [{ column: 'name', dir: 'desc' }], limit: 1 }), "
        "rds.select({ table: 'item', columns: [{ n: rds.agg.count('*') }], where: { name: { size: { eq: 3 } } } })"
    )

    assert found == [[{"name": "Axe"}], [{"n": 3}]]


async def test_a_failed_second_statement_undoes_the_first(shop: Shop) -> None:
    await shop.run("rds.insert({ table: 'item', values: { name: 'Saw' } })")

    with pytest.raises(SourceFailed) as failed:
        await shop.run("rds.remove({ table: 'item' }), 'select * from nowhere'")

    message = json.loads(failed.value.message.removeprefix("RDSHttp:"))["message"]
    assert (failed.value.type, message) == (
        "RDS:BadRequestException", "Database error code: 1146. Message: Table 'shop.nowhere' doesn't exist",
    )  # fmt: skip
    assert await shop.run("'select name from item'") == [[{"name": "Saw"}]]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("'select :unknown'", "Cannot find parameter: unknown"),
        ("'select ?'", "a statement has the placeholder \\?, which has no value"),
        ("'select 1; select 2'", "Database error code: 1064"),
        ("'select repeat(\"x\", 1100000)'", "more than the allowed response size limit"),
    ],
)
async def test_a_refusal_names_its_reason(shop: Shop, statement: str, message: str) -> None:
    with pytest.raises(SourceFailed, match=message):
        await shop.run(statement)
    assert await shop.run("'select 1 as one'") == [[{"one": 1}]]


async def test_a_cancelled_request_leaves_no_connection_that_answers_it_later(shop: Shop) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await shop.run("'select sleep(2)'")

    assert await shop.run("'select 1 as one'") == [[{"one": 1}]]


async def test_a_server_without_tls_needs_the_scheme_that_says_so(url: str, tmp_path: Path) -> None:
    databases = Databases({"cluster": url.replace("mariadb:", "mysql:")})
    shop = Shop(RdsDataSource("Shop", databases.pool_of("Shop", "cluster")), tmp_path / "code.js")

    with pytest.raises(SourceFailed, match="the server has no TLS; use a URL with mariadb://"):
        await shop.run("'select 1'")


async def test_a_database_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    pytest.importorskip("mysql.connector")
    databases = Databases({"cluster": "mysql://root:secret@127.0.0.1:1/shop"})
    shop = Shop(RdsDataSource("Shop", databases.pool_of("Shop", "cluster")), tmp_path / "code.js")

    with pytest.raises(SourceFailed, match="the database of data source Shop cannot be reached: ") as failed:
        await shop.run("'select 1'")

    assert failed.value.type == "RDS:DatabaseUnavailableException"
    assert "secret" not in failed.value.message
