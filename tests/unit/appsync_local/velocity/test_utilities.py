"""`$util` and `$extensions` in templates. What JavaScript has too must give the same there."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsync_local.javascript.script import Script
from tests.unit.appsync_local.velocity.conftest import ARGUMENTS, Render, Run

MOMENT = 1517943695750  # 2018-02-06T19:01:35.750Z, the guide's example
ROWS = {"sqlStatementResults": [{"records": [[{"longValue": 1}]], "columnMetadata": [{"label": "n"}]}]}
EXPRESSIONS = {"title": {"ne": "x"}, "or": [{"n": {"gt": 1}}, {"n": {"between": [3, 5]}}]}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("$util.toJson($ctx.args)", ARGUMENTS),
        ("$util.toJson($ctx.args.missing)", None),
        ("$util.toJson($util.parseJson('{\"a\": [1, null]}').a)", [1, None]),
        ("$util.toJson($util.parseJson('not JSON'))", ""),
        ("$util.isNull($ctx.args.nothing)", True),
        ("$util.isNullOrEmpty('')", True),
        ("$util.isNullOrEmpty(' ')", False),
        ("$util.isNullOrBlank(' ')", True),
        ("$util.toJson($util.defaultIfNull($ctx.args.nothing, {'a': 1}))", {"a": 1}),
        ("$util.toJson($util.defaultIfNullOrEmpty('', 'b'))", "b"),
        ("$util.toJson($util.defaultIfNullOrBlank(' ', 'b'))", "b"),
        ("[#foreach($v in [$none, 1, 'a', [], {}, true])\"$util.typeOf($v)\",#end]",
         ["Null", "Number", "String", "List", "Map", "Boolean"]),
        ("[$util.isString('a'), $util.isNumber(1), $util.isBoolean(false)]", [True, True, True]),
        ("[$util.isList([]), $util.isMap({}), $util.isMap([])]", [True, True, False]),
        ("$util.toJson($util.list.copyAndRetainAll([1, 2, 3], [3, 1]))", [1, 3]),
        ("$util.toJson($util.list.copyAndRemoveAll([1, 2, 3], [3, 1]))", [2]),
        ("$util.toJson($util.list.sortList([{'n': 2}, {'n': 1}], false, 'n'))", [{"n": 1}, {"n": 2}]),
        ("$util.toJson($util.list.sortList(['b', 'c', 'a'], true, 'any'))", ["c", "b", "a"]),
        ("$util.toJson($util.list.sortList(['b', 1], false, 'any'))", ["b", 1]),
        ("$util.toJson($util.map.copyAndRetainAllKeys($ctx.args.map, ['p', 'x']))", {"p": 1}),
        ("$util.toJson($util.map.copyAndRemoveAllKeys($ctx.args.map, ['p', 'x']))", {"q": 2}),
        ("$util.toJson($util.str.toUpper('a') + $util.str.toLower('B'))", "Ab"),
        ("$util.toJson($util.str.toReplace('hello world', 'hello', 'mellow'))", "mellow world"),
        ("$util.dynamodb.toDynamoDBJson($ctx.args.map)", {"M": {"p": {"N": 1}, "q": {"N": 2}}}),
        ("$util.dynamodb.toMapValuesJson({'s': $util.dynamodb.toStringSet(['a'])})", {"s": {"SS": ["a"]}}),
        ("[$util.dynamodb.toStringJson('a'), $util.dynamodb.toNullJson(), $util.dynamodb.toListJson([true])]",
         [{"S": "a"}, {"NULL": None}, {"L": [{"BOOL": True}]}]),
        (f"$util.rds.toJsonString('{json.dumps(ROWS)}')", [[{"n": 1}]]),
        (f"$util.toJson($util.rds.toJsonObject($util.parseJson('{json.dumps(ROWS)}'))[0][0].n)", 1),
        ("$utils.toJson($utils.escapeJavaScript('a\"b'))", 'a\\"b'),
        ("$util.toJson($ctx.args.map.entrySet())", [{"p": 1}, {"q": 2}]),
        ("\"$util.authType()\"", "IAM Authorization"),
        ("#set($m = {})$util.qr($m.put('a', 1))$util.quiet($m.put('b', 2))$util.toJson($m)", {"a": 1, "b": 2}),
        ("$util.validate(true, 'no')1", 1),
        ("\"$util.unknown.thing(1) $util.nothing\"", "$util.unknown.thing(1) $util.nothing"),
    ],
)  # fmt: skip
def test_utilities(value: Render, call: str, expected: Any) -> None:
    assert value(call) == expected


@pytest.mark.parametrize(
    "call",
    [
        "util.urlEncode('a b&ü~')", "util.urlDecode('a+b%26')", "util.base64Encode('äöü')",
        "util.base64Decode('w6TDtsO8')",
        "util.escapeJavaScript('it\\'s \"/\"')", "util.matches('a*b', 'aaaaab')", "util.str.normalize('ê', 'nfd')",
        "util.math.roundNum(2.5)", "util.math.minVal(2, 3)", "util.math.maxVal(2, 3)",
        f"util.time.epochMilliSecondsToISO8601({MOMENT})", f"util.time.epochMilliSecondsToSeconds({MOMENT})",
        f"util.time.epochMilliSecondsToFormatted({MOMENT}, 'yyyy-MM-dd HH:mm:ssZ', 'Australia/Perth')",
        "util.time.parseISO8601ToEpochMilliSeconds('2018-02-01T17:21:05.180+08:00')",
        "util.time.parseFormattedToEpochMilliSeconds('2018-02-01 17:21:05', 'yyyy-MM-dd HH:mm:ss', 'Asia/Tokyo')",
        "util.xml.toMap('<a><b>1</b><b>x</b></a>')", "util.xml.toJsonString('<a b=\"1\"/>')",
        f"util.transform.toDynamoDBFilterExpression({json.dumps(EXPRESSIONS)})",
        f"util.transform.toSubscriptionFilter({json.dumps(EXPRESSIONS)})",
        f"util.transform.toSubscriptionFilter({json.dumps(EXPRESSIONS)}, ['title'])",
        "util.transform.toElasticsearchQueryDSL({'a': {'range': [1, 2]}})",
        "util.dynamodb.toDynamoDB({'a': [1, 'b', {'c': true}]})", "util.dynamodb.toS3Object('k', 'b', 'r')",
        "util.http.copyHeaders({'host': 'x', 'accept': 'y'})",
    ],
)  # fmt: skip
def test_utilities_give_what_they_give_in_javascript(value: Render, tmp_path: Path, call: str) -> None:
    path = tmp_path / "code.js"
    header = 'import { util } from "@aws-appsync/utils";\n'
    path.write_text(
        f"{header}export function request(ctx) {{ return {call}; }}\nexport function response(ctx) {{}}\n", "utf-8"
    )
    expected = Script(path).call("request", '{"arguments": {}, "stash": {}}', "{}", None).body["value"]
    call = re.sub(r"\\'", "''", call)

    assert value(f"$util.toJson(${call})") == expected


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        ("autoId()", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("autoUlid()", r"[0-9A-HJKMNP-TV-Z]{26}"),
        ("autoKsuid()", r"[0-9A-Za-z]{27}"),
        ("time.nowISO8601()", r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
        ("time.nowEpochSeconds()", r"\d{10}"),
        ("time.nowEpochMilliSeconds()", r"\d{13}"),
        ("time.nowFormatted('yyyy')", r"20\d\d"),
        ("math.randomDouble()", r"0(\.\d+)?|\d(\.\d+)?e-\d+"),
        ("math.randomWithinRange(5, 6)", "5"),
    ],
)
def test_utilities_that_differ_each_time(value: Render, call: str, pattern: str) -> None:
    assert re.fullmatch(pattern, value(f'"$util.{call}"'))


@pytest.mark.parametrize(
    ("call", "details"),
    [
        ("$util.error('m')", {"message": "m", "type": None, "data": None, "info": None}),
        ("$util.error('m', 'T')", {"message": "m", "type": "T", "data": None, "info": None}),
        ("$util.error('m', 'T', {'a': 1})", {"message": "m", "type": "T", "data": {"a": 1}, "info": None}),
        ("$util.error('m', 'T', $none, ['i'])", {"message": "m", "type": "T", "data": None, "info": ["i"]}),
        ("$util.validate(1 > 2, 'm', 'T', 3)", {"message": "m", "type": "T", "data": 3, "info": None}),
    ],
)
def test_errors_end_a_template(run: Run, call: str, details: dict[str, Any]) -> None:
    outcome = run(f"{{}}{call}")

    assert outcome.kind == "error"
    assert {name: outcome.body[name] for name in details} == details


def test_an_appended_error_does_not_end_a_template(run: Run) -> None:
    outcome = run("$util.appendError('m', 'T', 1, 2){}")

    assert outcome.kind == "value"
    assert outcome.effects.appended == [{"message": "m", "type": "T", "data": 1, "info": 2}]


def test_unauthorized_ends_a_template(run: Run) -> None:
    assert run("$util.unauthorized()").kind == "unauthorized"


def test_effects_of_templates(run: Run) -> None:
    effects = run(
        "$extensions.setSubscriptionFilter($util.transform.toSubscriptionFilter({'id': {'eq': 'a'}}))"
        "$extensions.setSubscriptionInvalidationFilter({'filterGroup': []})"
        "$extensions.invalidateSubscriptions({'subscriptionField': 'on', 'payload': {'id': 1}})"
        "$extensions.evictFromApiCache('Query', 'note', {'ctx.args.id': 'a'})"
        "$util.http.addResponseHeader('x-a', 'b')$util.http.addResponseHeaders({'x-c': 1})"
        "$util.log.info('{} of {}', 1, ['a'])$util.log.error({'a': 1}){}"
    ).effects

    assert effects.filter == {"filterGroup": [{"filters": [{"fieldName": "id", "operator": "eq", "value": "a"}]}]}
    assert effects.invalidation_filter == {"filterGroup": []}
    assert effects.invalidations == [{"subscriptionField": "on", "payload": {"id": 1}}]
    assert effects.evictions == [{"type": "Query", "field": "note", "keys": {"ctx.args.id": "a"}}]
    assert effects.headers == [("x-a", "b"), ("x-c", 1)]
    assert effects.logs == [("log", "1 of [a]"), ("error", "{a=1}")]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("$util.matches('(', 'a')", "Error invoking method 'util.matches' at velocity[line 1, column 6]: "),
        ("$util.base64Decode('?')",
         "Error invoking method 'util.base64Decode' at velocity[line 1, column 6]: util.base64Decode was given text"),
        ("$util.list.sortList([1..1001], false, 'a')", "$util.list.sortList sorts at most 1000 items; this list has"),
    ],
)  # fmt: skip
def test_a_utility_that_fails_says_why(failure: Callable[[str], tuple[str, str]], call: str, message: str) -> None:
    type_, found = failure(call)

    assert type_ == "MappingTemplate"
    assert found.startswith(message)
