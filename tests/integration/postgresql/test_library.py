"""An application whose data is in PostgreSQL: its resolvers use the builders of `@aws-appsync/utils/rds`."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from appsync_local import Api, ApiKey, AuthMode, Engine, RdsSource, Templates, UnitResolver
from tests.acceptance.stack import running_stack
from tests.support.engine_doubles import RecordingInvoker
from tests.support.postgresql import PostgreSqlServer, find_programs, postgresql

LIBRARY = Path(__file__).with_name("library")
KEY = ApiKey("da2-library")
DUNE = "0e37df36-f698-11e6-8dd4-cb9ced3df976"
EMMA = "1f37df36-f698-11e6-8dd4-cb9ced3df976"
FIELDS = ("Query.book", "Query.books", "Query.authors", "Query.raw", "Mutation.add", "Mutation.change",
          "Mutation.remove", "Mutation.both")  # fmt: skip
HANDLERS = ("request", "response")
API = Api(
    modes=(AuthMode.API_KEY,),
    authorizer=None,
    sources=(RdsSource("Books", "library-cluster"),),
    functions=(),
    resolvers=(
        *(UnitResolver(field, "Books") for field in FIELDS),
        UnitResolver("Query.longest", "Books", Templates(*(f"resolvers/Query.longest.{it}.vtl" for it in HANDLERS))),
    ),
)
TABLES = """
    DROP TABLE IF EXISTS wrote, author, book;
    CREATE TABLE book (id uuid PRIMARY KEY, title text NOT NULL, pages int, price numeric(8, 2), "inPrint" boolean,
                       details jsonb, published date, tags text[] DEFAULT '{new}');
    CREATE TABLE author (author_id int PRIMARY KEY, name text);
    CREATE TABLE wrote (author_id int, book_id uuid);
    INSERT INTO author VALUES (1, 'Frank'), (2, 'Jane');
"""


class Library:
    """A client of the library's API."""

    def __init__(self, engine: Engine, server: PostgreSqlServer, session: aiohttp.ClientSession) -> None:
        self.engine = engine
        self.server = server
        self._session = session

    async def ask(self, query: str, **variables: Any) -> Any:
        """The answer to a query; its text names the variables' types."""
        body = {"query": query, "variables": variables}
        async with self._session.post(self.engine.graphql_url, json=body, headers={"x-api-key": KEY.key}) as answer:
            return await answer.json()

    async def raw(self, sql: str) -> Any:
        """The rows that one statement returns."""
        answer = await self.ask("query($sql: String!) { raw(sql: $sql) }", sql=sql)
        assert "errors" not in answer, answer
        [rows] = json.loads(answer["data"]["raw"])
        return rows


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSqlServer]:
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL was found; install it (apt-get install postgresql) to test RDS data sources")
    with postgresql(programs) as running:
        yield running


@pytest_asyncio.fixture
async def library(server: PostgreSqlServer) -> AsyncIterator[Library]:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(TABLES)
    engine = Engine(
        api=API, schema=LIBRARY / "schema.graphql", code=LIBRARY, invoker=RecordingInvoker(), api_keys=(KEY,),
        databases={"library-cluster": server.url},
    )  # fmt: skip
    await engine.start(port=0)
    async with aiohttp.ClientSession() as session:
        yield Library(engine, server, session)
    await engine.stop()


async def add(library: Library, /, id_: str = DUNE, **values: Any) -> Any:
    return await library.ask(
        "mutation($input: BookInput!) { add(input: $input) { id title pages price inPrint details published tags } }",
        input={"id": id_, "title": "Dune", **values},
    )


async def test_a_row_keeps_every_value_and_leaves_out_none(library: Library) -> None:
    values: dict[str, Any] = {"pages": 412, "price": "9.50", "inPrint": False, "published": "1965-08-01",
              "details": '{"series": [1, 6]}'}  # fmt: skip

    added = await add(library, **values)

    book = {"id": DUNE, "title": "Dune", "pages": 412, "price": 9.5, "inPrint": False, "published": "1965-08-01",
            "tags": ["new"]}  # fmt: skip
    details = json.loads(added["data"]["add"].pop("details"))
    assert added == {"data": {"add": book}}
    assert details == {"series": [1, 6]}
    found = await library.ask(f'{{ book(id: "{DUNE}") {{ title price }} other: book(id: "{EMMA}") {{ title }} }}')
    assert found == {"data": {"book": {"title": "Dune", "price": 9.5}, "other": None}}


async def test_conditions_order_and_limit_are_those_of_the_database(library: Library) -> None:
    for number, title in enumerate(("Emma", "Dune", "Dune Messiah", "It's 100%")):
        await add(library, f"{number}{DUNE[1:]}", title=title, pages=number * 100)

    async def titles(arguments: str) -> list[str]:
        answer = await library.ask(f"{{ books{arguments} {{ title }} }}")
        return [book["title"] for book in answer["data"]["books"]]

    assert await titles("") == ["Dune", "Dune Messiah", "Emma", "It's 100%"]
    assert await titles('(titled: "une", limit: 1)') == ["Dune"]
    assert await titles('(titled: "une", longerThan: 100)') == ["Dune Messiah"]
    assert await titles('(titled: "\'; DROP TABLE book; --")') == []


async def test_a_template_runs_statements_too(library: Library) -> None:
    await library.raw("INSERT INTO book (id, title, pages) VALUES (gen_random_uuid(), 'Emma', 474)")

    answer = await library.ask("{ some: longest(least: 100) { title pages } none: longest(least: 900) { title } }")

    assert answer == {"data": {"some": [{"title": "Emma", "pages": 474}], "none": []}}


async def test_a_join_counts_per_group(library: Library) -> None:
    await library.raw("INSERT INTO wrote VALUES (1, gen_random_uuid()), (1, gen_random_uuid())")

    answer = await library.ask("{ all: authors { name books } many: authors(more: 1) { name books } }")

    frank = {"name": "Frank", "books": 2}
    assert answer["data"] == {"all": [frank, {"name": "Jane", "books": 0}], "many": [frank]}


async def test_an_update_is_seen_by_the_second_statement_and_a_removed_row_is_returned(library: Library) -> None:
    await add(library)

    changed = await library.ask(f'mutation {{ change(id: "{DUNE}", title: "Dune II") {{ title }} }}')
    removed = await library.ask(
        f'mutation {{ remove(id: "{DUNE}") {{ title }} again: remove(id: "{DUNE}") {{ title }} }}'
    )

    assert changed == {"data": {"change": {"title": "Dune II"}}}
    assert removed == {"data": {"remove": {"title": "Dune II"}, "again": None}}


async def test_a_failed_second_statement_undoes_the_first(library: Library) -> None:
    await add(library, pages=412)

    answer = await library.ask(
        "mutation($id: ID!, $sql: String!) { both(id: $id, sql: $sql) }", id=DUNE, sql="SELECT * FROM nowhere"
    )

    [error] = answer["errors"]
    assert error["errorType"] == "RDS:BadRequestException"
    message = json.loads(error["message"].removeprefix("RDSHttp:"))["message"]
    assert message == 'ERROR: relation "nowhere" does not exist\n  Position: 15; SQLState: 42P01'
    assert await library.raw("SELECT pages FROM book") == [{"pages": 412}]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT :unknown", "Cannot find parameter: unknown"),
        ("SELECT 1; SELECT 2", "Multistatements aren't supported"),
        ("SELECT repeat('x', 1100000)", "Database returned more than the allowed response size limit"),
        ("SELECT * FROM book WHERE id = :t", "operator does not exist: uuid = character varying"),
    ],
)
async def test_a_refusal_names_its_reason(library: Library, sql: str, message: str) -> None:
    answer = await library.ask("query($sql: String!) { raw(sql: $sql) }", sql=sql)

    assert message in answer["errors"][0]["message"]
    assert await library.raw("SELECT 1 AS one") == [{"one": 1}]


async def test_text_in_quotes_and_comments_has_no_placeholders(library: Library) -> None:
    sql = "SELECT ':n' AS a, $$:n$$ AS b, 5 % 3 AS c, :n::text AS d /* :x /* :y */ :z */ -- :w"

    assert await library.raw(sql) == [{"a": ":n", "b": ":n", "c": 2, "d": "7"}]


async def test_values_have_the_kinds_of_the_data_api(library: Library) -> None:
    rows = await library.raw(
        "SELECT '\\x00ff'::bytea AS bytes, ARRAY[[1, 2], [3, 4]] AS matrix, 'NaN'::float8 AS nan, 1.5::float8 AS f, "
        "12.50::numeric AS n, '2026-01-02 03:04:05.5+02'::timestamptz AS zoned, '10:00'::time AS clock, "
        "'10.0.0.1'::inet AS host, NULL AS none, true AS yes, '[1,5)'::int4range AS range"
    )

    assert rows == [
        {"bytes": "AP8=", "matrix": [[1, 2], [3, 4]], "nan": "NaN", "f": 1.5, "n": "12.50",
         "zoned": "2026-01-02 01:04:05.5", "clock": "10:00:00", "host": "10.0.0.1", "yes": True, "range": "[1,5)"}
    ]  # fmt: skip


async def test_requests_at_once_share_a_limited_number_of_connections(library: Library) -> None:
    used = "SELECT count(*) AS used FROM pg_stat_activity WHERE backend_type = 'client backend'"

    await asyncio.gather(*(library.raw("SELECT pg_sleep(0.005)") for _ in range(40)))

    [row] = await library.raw(used)
    assert 1 < row["used"] <= 10


async def test_a_lost_database_is_named_and_used_again_once_it_is_back(library: Library) -> None:
    assert await library.raw("SELECT 1 AS one") == [{"one": 1}]

    library.server.stop()
    try:
        answer = await library.ask('{ raw(sql: "SELECT 1") }')
    finally:
        library.server.start()

    [error] = answer["errors"]
    assert error["errorType"] == "RDS:DatabaseUnavailableException"
    assert "the database of data source Books cannot be reached: " in error["message"]
    assert "Connection refused" in error["message"]
    assert await library.raw("SELECT 1 AS one") == [{"one": 1}]


async def test_a_stopped_engine_has_no_connection_to_the_database(library: Library) -> None:
    psycopg = pytest.importorskip("psycopg")
    await library.raw("SELECT 1")

    await library.engine.stop()

    with psycopg.connect(library.server.url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        assert found.fetchone() == (1,)  # this one


async def test_a_template_is_served_with_the_database_of_the_command_line(library: Library, tmp_path: Path) -> None:
    api = {"Fn::GetAtt": ["Api", "ApiId"]}
    cluster = {"Fn::Join": ["", ["arn:aws:rds:us-east-1:123456789012:cluster:", {"Ref": "Cluster"}]]}
    endpoint = {"AwsRegion": "us-east-1", "DbClusterIdentifier": cluster, "AwsSecretStoreArn": "arn:secret"}
    resources = {
        "Api": {"Type": "AWS::AppSync::GraphQLApi", "Properties": {"Name": "a", "AuthenticationType": "API_KEY"}},
        "Key": {"Type": "AWS::AppSync::ApiKey", "Properties": {"ApiId": api}},
        "Schema": {
            "Type": "AWS::AppSync::GraphQLSchema",
            "Properties": {"ApiId": api, "Definition": (LIBRARY / "schema.graphql").read_text("utf-8")},
        },
        "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": {"Engine": "aurora-postgresql"}},
        "Source": {
            "Type": "AWS::AppSync::DataSource",
            "Properties": {
                "ApiId": api, "Name": "Books", "Type": "RELATIONAL_DATABASE",
                "RelationalDatabaseConfig": {
                    "RelationalDatabaseSourceType": "RDS_HTTP_ENDPOINT", "RdsHttpEndpointConfig": endpoint,
                },
            },
        },
        "Resolver": {
            "Type": "AWS::AppSync::Resolver",
            "Properties": {
                "ApiId": api, "TypeName": "Query", "FieldName": "authors", "DataSourceName": "Books",
                "Runtime": {"Name": "APPSYNC_JS", "RuntimeVersion": "1.0.0"},
                "Code": (LIBRARY / "resolvers/Query.authors.js").read_text("utf-8"),
            },
        },
    }  # fmt: skip
    template = tmp_path / "books.template.json"
    template.write_text(json.dumps({"Resources": resources}), "utf-8")
    given = ("--template", str(template), "--database", f"Cluster={library.server.url}")

    with running_stack(tmp_path / "data", *given) as stack:
        headers = {"x-api-key": stack.description["apiKeys"][0]}
        async with (
            aiohttp.ClientSession() as session,
            session.post(stack.url, json={"query": "{ authors { name } }"}, headers=headers) as response,
        ):
            answer = await response.json()

    assert answer == {"data": {"authors": [{"name": "Frank"}, {"name": "Jane"}]}}
