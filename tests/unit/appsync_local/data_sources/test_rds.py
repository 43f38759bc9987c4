"""The RDS data source without a database: requests, placeholders, answers and refusals at the start."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appsync_local.api.model import Api, AuthMode, RdsSource, UnitResolver
from appsync_local.data_sources.creation import ExternalServices
from appsync_local.data_sources.rds.answers import Column, Result, answer
from appsync_local.data_sources.rds.databases import Databases
from appsync_local.data_sources.rds.failures import DatabaseFailed, DatabaseLost, DatabaseUnusable
from appsync_local.data_sources.rds.placeholders import MYSQL, POSTGRESQL, Dialect, split
from appsync_local.data_sources.rds.pool import MOST_CONNECTIONS, ConnectionPool
from appsync_local.data_sources.rds.requests import Parameter, StatementsRequest, TypeHint, read_request
from appsync_local.errors import ApiInvalid, FieldError
from appsync_local.resolvers.loading import load
from tests.support.engine_doubles import RecordingInvoker


@pytest.mark.parametrize(
    ("syntax", "sql", "texts", "names"),
    [
        (POSTGRESQL, "a = :P0 AND b = :p_1", ["a = ", " AND b = ", ""], ["P0", "p_1"]),
        (POSTGRESQL, ":a::text, x[1:2]", ["", "::text, x[1:2]"], ["a"]),
        (POSTGRESQL, """':a' "x:b" ':a''s' :c""", ["""':a' "x:b" ':a''s' """, ""], ["c"]),
        (POSTGRESQL, r"E'\':a' '\' :b", [r"E'\':a' '\' ", ""], ["b"]),
        (POSTGRESQL, "$$ :a $$ $t$ $$ :b $t$ :c", ["$$ :a $$ $t$ $$ :b $t$ ", ""], ["c"]),
        (POSTGRESQL, "$é$ :a $é$ :b", ["$é$ :a $é$ ", ""], ["b"]),
        (POSTGRESQL, "-- :a\n:b /* /* :c */ :d */ :e", ["-- :a\n", " /* /* :c */ :d */ ", ""], ["b", "e"]),
        (POSTGRESQL, "'open :a", ["'open :a"], []),
        (POSTGRESQL, "/* open :a", ["/* open :a"], []),
        (MYSQL, r"'\':a' `:b` :c # :d", [r"'\':a' `:b` ", " # :d"], ["c"]),
        (MYSQL, "a--:b /* /* :c */ :d", ["a--", " /* /* :c */ ", ""], ["b", "d"]),
    ],
)
def test_placeholders_are_found_outside_quotes_and_comments(
    syntax: Dialect, sql: str, texts: list[str], names: list[str]
) -> None:
    assert split(sql, syntax) == (texts, names)


def test_a_request_names_its_parameters_with_or_without_a_colon() -> None:
    request = {
        "version": "2018-05-29", "statements": ["select :a", "select :b"],
        "variableMap": {":a": 1, "b": "x"}, "variableTypeHintMap": {":b": "UUID"},
    }  # fmt: skip

    assert read_request(request) == StatementsRequest(
        ("select :a", "select :b"), {"a": Parameter(1), "b": Parameter("x", TypeHint.UUID)}
    )


@pytest.mark.parametrize(
    ("request_object", "message"),
    [
        (None, r"Value for field '\$\[statements\]' not found\."),
        ({"variableMap": {}}, r"Value for field '\$\[statements\]' not found\."),
        ({"statements": []}, "at least 1 and at most 2 statements, and this one has 0"),
        ({"statements": ["a", "b", "c"]}, "at most 2 statements, and this one has 3"),
        ({"statements": "select 1"}, "must be a list of texts"),
        ({"statements": [" "]}, "texts that are not empty"),
        ({"statements": ["a"], "variableMap": []}, "the variableMap of an RDS request must be an object"),
        ({"statements": ["a"], "variableMap": {":a": 1}, "variableTypeHintMap": {":a": "INT"}},
         "Unsupported type hint 'INT' for :a. Supported: DATE, DECIMAL, JSON, TIME, TIMESTAMP, UUID"),
    ],
)  # fmt: skip
def test_a_malformed_request_is_refused(request_object: object, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        read_request(request_object)
    assert caught.value.type == "MappingTemplate"


def test_a_change_and_rows_are_written_as_the_data_api_writes_them() -> None:
    columns = (Column("n", "int4", 4), Column("t", "numeric", 2, 8, 2))

    text = answer([Result(changed=3), Result(columns=columns, rows=[(1, "2.50"), (None, [True, None])])])

    change, rows = json.loads(text)["sqlStatementResults"]
    assert change == {"numberOfRecordsUpdated": 3, "generatedFields": []}
    assert rows["records"] == [
        [{"longValue": 1}, {"stringValue": "2.50"}],
        [{"isNull": True}, {"arrayValue": {"booleanValues": [True, None]}}],
    ]
    assert [it["label"] for it in rows["columnMetadata"]] == ["n", "t"]
    assert (
        rows["columnMetadata"][1] | {"typeName": "numeric", "type": 2, "precision": 8, "scale": 2}
        == rows["columnMetadata"][1]
    )


class RecordingConnection:
    """Records each request. If a statement is an exception, it raises this exception."""

    def __init__(self, log: list[str], failures: Mapping[str, BaseException]) -> None:
        self.log = log
        self.failures = failures

    async def begin(self) -> None:
        await self._do("begin")

    async def execute(self, statement: str, parameters: Mapping[str, Parameter]) -> Result:
        await self._do(statement)
        return Result()

    async def commit(self) -> None:
        await self._do("commit")

    async def rollback(self) -> None:
        await self._do("rollback")

    async def close(self) -> None:
        self.log.append("close")

    async def _do(self, what: str) -> None:
        self.log.append(what)
        await asyncio.sleep(0)
        if what in self.failures:
            raise self.failures[what]


def pool_with(log: list[str], failures: Mapping[str, BaseException] | None = None) -> ConnectionPool:
    async def connect() -> RecordingConnection:
        log.append("connect")
        return RecordingConnection(log, {} if failures is None else failures)

    return ConnectionPool(connect)


async def run(pool: ConnectionPool, *statements: str) -> Any:
    return await pool.run(StatementsRequest(statements, {}))


async def test_a_connection_is_used_again_after_a_failed_transaction() -> None:
    log: list[str] = []
    pool = pool_with(log, {"bad": DatabaseFailed("no")})

    with pytest.raises(DatabaseFailed):
        await run(pool, "a", "bad")
    await run(pool, "b")

    assert log == ["connect", "begin", "a", "bad", "rollback", "begin", "b", "commit"]


async def test_a_connection_that_was_lost_in_a_transaction_is_closed_and_the_statements_are_not_repeated() -> None:
    log: list[str] = []
    pool = pool_with(log, {"lost": DatabaseLost("gone")})

    with pytest.raises(DatabaseLost):
        await run(pool, "lost")
    await run(pool, "b")

    assert log == ["connect", "begin", "lost", "close", "connect", "begin", "b", "commit"]


async def test_an_idle_connection_that_was_lost_is_replaced() -> None:
    log: list[str] = []
    failures: dict[str, BaseException] = {}
    pool = pool_with(log, failures)
    await run(pool, "a")

    failures["begin"] = DatabaseLost("gone")
    with pytest.raises(DatabaseLost):
        await run(pool, "b")

    assert log[4:] == ["begin", "close", "connect", "begin", "close"]


async def test_a_cancelled_request_closes_its_connection() -> None:
    log: list[str] = []
    pool = pool_with(log, {"a": asyncio.CancelledError()})

    with pytest.raises(asyncio.CancelledError):
        await run(pool, "a")

    assert log == ["connect", "begin", "a", "close"]


async def test_requests_wait_for_a_connection() -> None:
    log: list[str] = []

    pool = pool_with(log)
    await asyncio.gather(*(run(pool, "a") for _ in range(MOST_CONNECTIONS * 3)))

    assert log.count("connect") == MOST_CONNECTIONS
    assert log.count("commit") == MOST_CONNECTIONS * 3


async def test_a_closed_pool_runs_nothing() -> None:
    log: list[str] = []
    pool = pool_with(log)
    await run(pool, "a")

    await pool.close()

    assert log[-1] == "close"
    with pytest.raises(DatabaseLost, match="the engine has stopped"):
        await run(pool, "b")
    assert log[-1] == "close"


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ({}, "data source Shop needs the database cluster, and no URL was given for it; .* as Shop=postgresql://"),
        ({"Shop": "sqlite:shop.db"}, "data source Shop begins with 'sqlite'; supported are postgresql, .* mysql"),
        ({"cluster": "oracle://x"}, "begins with 'oracle'"),
        ({"Shop": "postgresql://u:pass/word@h/shop"}, "has a URL that cannot be parsed; (?!.*pass.word)"),
    ],
)  # fmt: skip
def test_an_api_without_a_usable_database_is_refused(tmp_path: Path, urls: dict[str, str], message: str) -> None:
    (tmp_path / "schema.graphql").write_text("type Query { n: Int }", "utf-8")
    (tmp_path / "resolvers").mkdir()
    code = "export function request(ctx) { return {}; }\nexport function response(ctx) { return 1; }\n"
    (tmp_path / "resolvers/Query.n.js").write_text(code, "utf-8")
    api = Api((AuthMode.API_KEY,), None, (RdsSource("Shop", "cluster"),), (), (UnitResolver("Query.n", "Shop"),))

    with pytest.raises(ApiInvalid, match=message):
        load(
            api, schema=tmp_path / "schema.graphql", code=tmp_path, handlers=frozenset(), invoker=RecordingInvoker(),
            services=ExternalServices(databases=Databases(urls)),
        )  # fmt: skip


async def test_closed_databases_are_not_opened_again() -> None:
    databases = Databases({"Shop": "postgresql://127.0.0.1/shop"})
    await databases.close()

    with pytest.raises(DatabaseUnusable, match="the engine has stopped"):
        databases.pool_of("Shop", "cluster")
