"""`@aws-appsync/utils/rds`.

The statements and error texts of the first tests are what AWS returned for such input, as recorded with EvaluateCode in
the tests of localstack/appsync-utils. The last tests follow the guide and the typings of @aws-appsync/utils only.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from appsync_local.errors import ApiInvalid, ScriptFailed
from tests.unit.appsync_local.javascript.conftest import Load, call

Build = Callable[[str], dict[str, Any]]


@pytest.fixture
def evaluate_rds(load: Load) -> Callable[[str], Any]:
    def evaluate(expression: str) -> Any:
        script = load(
            'import * as rds from "@aws-appsync/utils/rds";\n'
            f"export function request(ctx) {{ return {expression}; }}\nexport function response(ctx) {{}}\n"
        )
        return call(script).body["value"]

    return evaluate


@pytest.fixture
def pg(evaluate_rds: Callable[[str], Any]) -> Build:
    return lambda statements: evaluate_rds(f"rds.createPgStatement({statements})")


@pytest.fixture
def mysql(evaluate_rds: Callable[[str], Any]) -> Build:
    return lambda statements: evaluate_rds(f"rds.createMySQLStatement({statements})")


def values(*found: object) -> dict[str, object]:
    return {f":P{at}": value for at, value in enumerate(found)}


@pytest.mark.parametrize(
    ("statement", "sql", "bound"),
    [
        ("select({ table: 'item' })", 'SELECT * FROM "item"', []),
        ("select({ from: 'shop.item', columns: ['id', 'item.*'] })", 'SELECT "id", "item"."*" FROM "shop"."item"', []),
        ("select({ table: { i: 'item' }, columns: ['*'] })", 'SELECT * FROM "item" as "i"', []),
        ("select({ table: 'item', columns: [], limit: 3 })", 'SELECT FROM "item" LIMIT :P0', [3]),
        ("select({ table: 'item', columns: null, limit: '5', offset: 0 })",
         'SELECT * FROM "item" LIMIT :P0 OFFSET :P1', [5, 0]),
        ("select({ table: 'item', orderBy: [{ column: 'a', dir: 'desc' }, { column: 'b', dir: 1 }], where: {} })",
         'SELECT * FROM "item" ORDER BY "a" DESC, "b" ASC', []),
        ("select({ table: 'item', orderBy: [] })", 'SELECT * FROM "item"', []),
        ("select({ table: 'item', where: { n: { ge: 1, lt: 9, ne: 5 } } })",
         'SELECT * FROM "item" WHERE "n" >= :P0 AND "n" < :P1 AND "n" != :P2', [1, 9, 5]),
        ("select({ table: 'item', where: { a: { gt: 1 }, b: { le: 2 }, 'i.c': { eq: false } } })",
         'SELECT * FROM "item" WHERE "a" > :P0 AND "b" <= :P1 AND "i"."c" = :P2', [1, 2, False]),
        ("select({ table: 'item', where: { a: { contains: 'x' }, b: { notContains: 'y' }, c: { beginsWith: 'a%' } } })",
         'SELECT * FROM "item" WHERE "a" LIKE :P0 AND "b" NOT LIKE :P1 AND "c" LIKE :P2', ["%x%", "y", "a%%"]),
        ("select({ table: 'item', where: { a: { attributeExists: true }, b: { attributeExists: false } } })",
         'SELECT * FROM "item" WHERE "a" IS NOT NULL AND "b" IS NULL', []),
        ("select({ table: 'item', where: { n: { between: [null, 65] } } })",
         'SELECT * FROM "item" WHERE "n" BETWEEN NULL AND :P0', [65]),
        ("select({ table: 'item', where: { a: { size: { gt: 2, between: [1, 8], eq: null } } } })",
         'SELECT * FROM "item" WHERE LENGTH ("a") > :P0 AND LENGTH ("a") BETWEEN :P1 AND :P2 AND LENGTH ("a") = NULL',
         [2, 1, 8]),
        ("select({ table: 'item', where: { n: { le: 1 }, and: [{ b: { eq: 'x' } }], a: { attributeExists: false } } })",
         'SELECT * FROM "item" WHERE "n" <= :P0 AND ("b" = :P1) AND "a" IS NULL', [1, "x"]),
        ("select({ table: 'item', where: { a: { eq: 1 }, or: [{ b: { eq: 2 } }, { or: [{ c: { eq: 3 } }] }] } })",
         'SELECT * FROM "item" WHERE "a" = :P0 AND ("b" = :P1) OR (("c" = :P2))', [1, 2, 3]),
        ("select({ table: 'item', where: { and: [{ id: { eq: 1, gt: 0 } }, { a: { eq: 'x' } }] } })",
         'SELECT * FROM "item" WHERE ("id" = :P0 AND "id" > :P1) AND ("a" = :P2)', [1, 0, "x"]),
        ("select({ table: 'item', where: { or: [{ and: [{ a: { size: { eq: 3 } } }] }] } })",
         'SELECT * FROM "item" WHERE ((LENGTH ("a") = :P0))', [3]),
        ("select({ table: 'item', where: { and: [{ or: [] }] } })", 'SELECT * FROM "item"', []),
        ("select({ table: 'item', where: { a: { eq: 'x' }, id: {} } })",
         'SELECT * FROM "item" WHERE "a" = :P0 AND', ["x"]),
        ("select({ table: 'item', where: rds.sql`id = ${1} or id = 2` })",
         'SELECT * FROM "item" WHERE id = :P0 or id = 2', [1]),
        ("insert({ table: 'item', values: { on: false, n: 0, none: null }, from: 'ignored' })",
         'INSERT INTO "item" ("on", "n", "none") VALUES (:P0, :P1, NULL)', [False, 0]),
        ("insert({ table: 'item', values: { a: 'x' }, returning: ['id', 'a'] })",
         'INSERT INTO "item" ("a") VALUES (:P0) RETURNING "id", "a"', ["x"]),
        ("update({ table: 'item', values: { a: 'x', none: undefined, b: 'y' }, where: { id: { eq: 7 } } })",
         'UPDATE "item" SET "a" = :P0, "none" = NULL, "b" = :P1 WHERE "id" = :P2', ["x", "y", 7]),
        ("update({ table: 'item', values: { a: 'x' }, where: rds.sql`id = ${7}` })",
         'UPDATE "item" SET "a" = :P0 WHERE id = :P1', ["x", 7]),
        ("remove({ table: 'item', where: { id: { eq: 7 } }, returning: '*' })",
         'DELETE FROM "item" WHERE "id" = :P0 RETURNING *', [7]),
    ],
)  # fmt: skip
def test_statements_are_those_of_aws(pg: Build, statement: str, sql: str, bound: list[object]) -> None:
    assert pg(f"rds.{statement}") == {
        "statements": [sql], "variableMap": values(*bound), "variableTypeHintMap": {},
    }  # fmt: skip


def test_mysql_has_backticks(mysql: Build) -> None:
    request = mysql("rds.select({ table: { i: 'shop.item' }, columns: ['id'], where: { name: { contains: 'x' } } })")

    assert request["statements"] == ["SELECT `id` FROM `shop`.`item` as `i` WHERE `name` LIKE :P0"]


def test_two_statements_number_their_values_together(mysql: Build) -> None:
    request = mysql(
        "rds.sql`insert into item values (${rds.typeHint.UUID('u')}, ${'a'})`, rds.select({ table: 'item', limit: 1 })"
    )

    assert request == {
        "statements": ["insert into item values (:P0, :P1)", "SELECT * FROM `item` LIMIT :P2"],
        "variableMap": values("u", "a", 1),
        "variableTypeHintMap": {":P0": "UUID"},
    }


def test_text_is_a_statement_as_it_is(pg: Build) -> None:
    assert pg("'select 1'")["statements"] == ["select 1"]


@pytest.mark.parametrize("kind", ["DATE", "DECIMAL", "JSON", "TIME", "TIMESTAMP", "UUID"])
def test_a_type_hint_is_sent_beside_its_value(pg: Build, evaluate_rds: Callable[[str], Any], kind: str) -> None:
    assert evaluate_rds(f"rds.typeHint.{kind}('v')") == {"type": kind, "value": "v"}
    request = pg(f"rds.select({{ table: 't', where: {{ c: {{ between: ['a', rds.typeHint.{kind}('v')] }} }} }})")
    assert request["variableMap"] == values("a", "v")
    assert request["variableTypeHintMap"] == {":P1": kind}


def test_an_object_that_looks_like_a_type_hint_is_a_value(pg: Build) -> None:
    request = pg("rds.insert({ table: 't', values: { c: { type: 'UUID', value: 'v' } } })")

    assert request["variableMap"] == values({"type": "UUID", "value": "v"})
    assert request["variableTypeHintMap"] == {}


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("", "An argument is expected to be passed to createPgStatement"),
        ("123", "Unsupported type is passed as argument to createPgStatement"),
        ("{ type: 'SELECT', properties: {} }", "Unsupported type is passed as argument to createPgStatement"),
        ("rds.sql(['a'], 1, 2)",
         "java.lang.IllegalArgumentException: Unexpected argument passed to sql tagged template"),
        ("rds.select()", "An argument is expected to be passed to select"),
        ("rds.remove(null)", "Expected payload to be an Object."),
        ("rds.select([])", "Expected payload to be an Object."),
        ("rds.select({ from: 'a', table: 'b' })", "'from' and 'table' keys cannot be used together"),
        ("rds.insert({ from: 'a', values: {} })", "'table' or 'from' key is required."),
        ("rds.select({ table: { a: 'x', b: 'y' } })", "table alias is allowed only one key-value pair."),
        ("rds.select({ table: {} })", "java.util.NoSuchElementException"),
        ("rds.select({ table: { a: 1 } })", "Table alias value is expected to be a string."),
        ("rds.select({ table: ['t'] })", "table name is expected to be a string or alias."),
        ("rds.select({ from: 1 })", "'from' value is expected to be string or object."),
        ("rds.select({ table: 't', columns: 'a' })", "Expected column to be * or an array."),
        ("rds.select({ table: 't', columns: [null] })", "Invalid type in column array."),
        ("rds.insert({ table: 't' })", "values are expected to be passed to insert"),
        ("rds.update({ table: 't', values: [1] })", "Expected values to an Object."),
        ("rds.select({ table: 't', where: 'a = 1' })",
         "WHERE values are expected to be SQL templates or a condition object."),
        ("rds.select({ table: 't', where: { and: [rds.sql`a = 1`] } })", "Expected and to be an Object."),
        ("rds.select({ table: 't', where: { or: 'no' } })", "or expects conditions to be an array"),
        ("rds.select({ table: 't', where: { a: 1 } })", "Expected condition to be an Object."),
        ("rds.select({ table: 't', where: { a: { in: [1] } } })", "Unsupported condition a.in."),
        ("rds.select({ table: 't', where: { a: { eq: undefined } } })", "Value for a.eq can't be null."),
        ("rds.select({ table: 't', where: { a: { contains: 5 } } })",
         "a.contains expects a string value to be passed."),
        ("rds.select({ table: 't', where: { a: { attributeExists: 0 } } })",
         "a.attributeExists expects a boolean value to be passed."),
        ("rds.select({ table: 't', where: { a: { between: 5 } } })",
         "a.between condition expects an array with length of 2."),
        ("rds.select({ table: 't', where: { a: { size: { between: [1] } } } })",
         "a.size condition expects an array with 2 values but received an array with length 1."),
        ("rds.select({ table: 't', where: { a: { size: { contains: 1 } } } })", "a.size has invalid size operator."),
        ("rds.select({ table: 't', where: { a: { size: 3 } } })", "Expected a.size to be an Object."),
        ("rds.select({ table: 't', orderBy: {} })", "orderBy expects an array."),
        ("rds.select({ table: 't', orderBy: [null] })", "orderBy item expected to be an object."),
        ("rds.select({ table: 't', orderBy: [{ column: 1 }] })", "orderBy item expected to have property column."),
        ("rds.select({ table: 't', orderBy: [{ column: 'a', dir: '; DROP' }] })",
         "orderBy dir can have either ASC or DESC found ; DROP."),
        ("rds.select({ table: 't', limit: '' })", "limit expects a number."),
        ("rds.select({ table: 't', offset: {} })", "offset expects a number."),
    ],
)  # fmt: skip
def test_a_refusal_has_the_text_of_aws_after_the_position(pg: Build, statement: str, message: str) -> None:
    with pytest.raises(ScriptFailed, match=rf"^code\.js:\d+:\d+: {re.escape(message)}$"):
        pg(statement)


@pytest.mark.parametrize(
    ("returning", "message"),
    [("['id']", "returning is not supported in MySQL."), ("'id'", "Expected column to be * or an array.")],
)
def test_mysql_returns_no_rows_of_a_change(mysql: Build, returning: str, message: str) -> None:
    with pytest.raises(ScriptFailed, match=re.escape(message)):
        mysql(f"rds.remove({{ table: 't', returning: {returning} }})")


def test_a_third_statement_is_refused_and_an_absent_second_one_is_not(pg: Build) -> None:
    assert pg("'select 1', null")["statements"] == ["select 1"]
    with pytest.raises(ScriptFailed, match=r"createPgStatement accepts at most 2 statements, and 3 were passed"):
        pg("'select 1', 'select 2', 'select 3'")


def test_a_quotation_mark_does_not_end_a_name(pg: Build, mysql: Build) -> None:
    assert pg("""rds.select({ table: 'a" --' })""")["statements"] == ['SELECT * FROM "a"" --"']
    assert mysql("rds.select({ table: 'a` --' })")["statements"] == ["SELECT * FROM `a`` --`"]


# What follows is known from the guide and the typings alone.


@pytest.mark.parametrize(
    ("payload", "sql", "bound"),
    [
        ("{ from: 'a', columns: ['x', { n: rds.agg.count('*') }], join: [{ from: 'b', using: ['id'] }] }",
         'SELECT "x", COUNT(*) as "n" FROM "a" JOIN "b" USING ("id")', []),
        ("{ from: 'a', columns: ['x'], groupBy: ['x', 1], having: { id: { count: { gt: 1 } } } }",
         'SELECT "x" FROM "a" GROUP BY "x", 1 HAVING COUNT("id") > :P0', [1]),
        ("{ from: 'a', leftOuterJoin: [{ table: { x: 'b' }, on: rds.sql`x.n > ${3}` }], where: { n: { eq: 1 } } }",
         'SELECT * FROM "a" LEFT OUTER JOIN "b" as "x" ON x.n > :P0 WHERE "n" = :P1', [3, 1]),
        ("{ from: 'a', columns: [rds.agg.sumDistinct('a.n')] }", 'SELECT SUM(DISTINCT "a"."n") FROM "a"', []),
        ("{ from: { s: rds.select({ from: 'a', where: { n: { eq: 1 } } }) }, columns: ['id'], limit: 2 }",
         'SELECT "id" FROM (SELECT * FROM "a" WHERE "n" = :P0) as "s" LIMIT :P1', [1, 2]),
        ("{ from: 'a', where: { not: [{ n: { eq: 1 } }, { m: { eq: 2 } }], k: { eq: 3 } } }",
         'SELECT * FROM "a" WHERE NOT (("n" = :P0) AND ("m" = :P1)) AND "k" = :P2', [1, 2, 3]),
        ("{ from: 'a', crossJoin: [{ from: 'b' }], fullOuterJoinNatural: [{ from: 'c' }] }",
         'SELECT * FROM "a" CROSS JOIN "b" NATURAL FULL OUTER JOIN "c"', []),
    ],
)  # fmt: skip
def test_joins_groups_and_subqueries_share_the_numbering(
    pg: Build, payload: str, sql: str, bound: list[object]
) -> None:
    request = pg(f"rds.select({payload})")

    assert request["statements"] == [sql]
    assert request["variableMap"] == values(*bound)


def test_an_update_returns_rows_on_postgresql(pg: Build) -> None:
    request = pg("rds.update({ table: 't', values: { a: 1 }, where: { id: { eq: 2 } }, returning: [{ x: 'a' }] })")

    assert request["statements"] == ['UPDATE "t" SET "a" = :P0 WHERE "id" = :P1 RETURNING "a" as "x"']


def test_the_module_reads_answers_as_util_does(evaluate_rds: Callable[[str], Any]) -> None:
    answer = {
        "sqlStatementResults": [
            {"numberOfRecordsUpdated": 1, "generatedFields": []},
            {
                "records": [
                    [{"longValue": 7}, {"isNull": True}, {"blobValue": "aGVsbG8="}],
                    [{"doubleValue": 1.5}, {"booleanValue": False},
                     {"arrayValue": {"arrayValues": [{"longValues": [1, 2]}, {"stringValues": []}]}}],
                ],
                "columnMetadata": [{"label": "id", "name": "x"}, {"name": "none"}, {"name": "more"}],
            },
        ]
    }  # fmt: skip

    rows = [{"id": 7, "more": "aGVsbG8="}, {"id": 1.5, "none": False, "more": [[1, 2], []]}]
    assert evaluate_rds(f"rds.toJsonObject({json.dumps(json.dumps(answer))})") == [[{}], rows]
    assert evaluate_rds(f"rds.toJsonObject({json.dumps(answer)})") == [[{}], rows]


@pytest.mark.parametrize(
    "answer", ["null", "'text'", "'{}'", "{ sqlStatementResults: [{ records: [[{ longValue: 1 }]] }] }"]
)
def test_what_is_no_answer_of_a_database_becomes_null(evaluate_rds: Callable[[str], Any], answer: str) -> None:
    assert evaluate_rds(f"[rds.toJsonObject({answer})]") == [None]


def test_a_name_that_the_module_does_not_have_is_refused_when_the_file_is_loaded(
    evaluate_rds: Callable[[str], Any],
) -> None:
    with pytest.raises(ApiInvalid, match=r"rds\.merge|merge"):
        evaluate_rds("rds.merge({})")


def test_requests_to_a_model_have_their_operation(load: Load) -> None:
    script = load(
        "import { invokeModel, converse } from '@aws-appsync/utils/ai';\n"
        "export function request(ctx) { return [invokeModel({ modelId: 'm', body: { a: 1 } }),"
        " converse({ modelId: 'm', messages: [], system: [{ text: 's' }] })]; }\nexport function response(ctx) {}\n"
    )

    assert call(script).body["value"] == [
        {"operation": "InvokeModel", "modelId": "m", "body": {"a": 1}},
        {"operation": "Converse", "modelId": "m", "messages": [], "system": [{"text": "s"}]},
    ]


def test_values_of_a_dynamodb_update_are_numbered_apart_from_names(evaluate: Callable[[str], Any]) -> None:
    update = evaluate(
        "ddb.update({ key: { id: 'a' }, update: { gone: ddb.operations.remove(), deep: { n: 1 }, last: 2 } })"
    )

    assert update["update"] == {
        "expression": "SET #expName_2.#expName_3 = :expValue_1, #expName_4 = :expValue_2 REMOVE #expName_1",
        "expressionNames": {"#expName_1": "gone", "#expName_2": "deep", "#expName_3": "n", "#expName_4": "last"},
        "expressionValues": {":expValue_1": {"N": 1}, ":expValue_2": {"N": 2}},
    }
