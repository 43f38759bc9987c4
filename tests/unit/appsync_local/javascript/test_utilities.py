"""The rarely used members of `util`. Expected values are from the guide, from Java, or recorded from the service."""

import json
import re
import time
from typing import Any

import pytest

from appsync_local.errors import ScriptFailed
from tests.unit.appsync_local.javascript.conftest import Evaluate, Load, call, file

MOMENT = 1517943695750  # 2018-02-06T19:01:35.750Z, the guide's example


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("'yyyy-MM-dd HH:mm:ssZ'", "2018-02-06 19:01:35+0000"),
        ("'yyyy-MM-dd HH:mm:ssZ', 'Australia/Perth'", "2018-02-07 03:01:35+0800"),
        ("'yyyy-MM-dd HH:mm:ssZ', 'Asia/Kolkata'", "2018-02-07 00:31:35+0530"),
        ("'HH:mm', '-07:30'", "11:31"),
        ("'HH:mm XXX', 'UTC+1'", "20:01 +01:00"),
        ("'EEEE, d MMMM uuuu h:mm a', 'America/New_York'", "Tuesday, 6 February 2018 2:01 PM"),
        ("'EEE MMM dd yy'", "Tue Feb 06 18"),
        ("\"yyyy'T'HH 'o''clock' ''\"", "2018T19 o'clock '"),
        ("'SSS SSSSSS S n A'", "750 750000 7 750000000 68495750"),
        ("'D DDD Q QQQ QQQQ e E'", "37 037 1 Q1 1st quarter 3 Tue"),
        ("'YYYY ww'", "2018 06"),
        ("'K kk hh'", "7 19 07"),
        ("'X XX XXX x xx xxx Z ZZZZ ZZZZZ O OOOO z VV'", "Z Z Z +00 +0000 +00:00 +0000 GMT Z GMT GMT UTC UTC"),
        ("'X XX XXX Z ZZZZ ZZZZZ O OOOO z VV', 'Asia/Kolkata'",
         "+0530 +0530 +05:30 +0530 GMT+05:30 +05:30 GMT+5:30 GMT+05:30 IST Asia/Kolkata"),
        ("'yyyy[-MM[-dd]]'", "2018-02-06"),
        ("'G MMMMM'", "AD F"),
    ],
)  # fmt: skip
def test_times_are_formatted_as_in_java(evaluate: Evaluate, arguments: str, text: str) -> None:
    assert evaluate(f"util.time.epochMilliSecondsToFormatted({MOMENT}, {arguments})") == text


@pytest.mark.parametrize(
    ("day", "week"),
    [("2018-12-29", "2018-52"), ("2018-12-30", "2019-01"), ("2019-01-05", "2019-01"), ("2019-01-06", "2019-02")],
)
def test_weeks_begin_on_sunday_and_the_first_contains_1_january(evaluate: Evaluate, day: str, week: str) -> None:
    moment = f"util.time.parseISO8601ToEpochMilliSeconds('{day}T12:00:00Z')"

    assert evaluate(f"util.time.epochMilliSecondsToFormatted({moment}, 'YYYY-ww')") == week


@pytest.mark.parametrize(
    ("arguments", "moment"),
    [
        ("'2018-02-06 19:01:35+0800', 'yyyy-MM-dd HH:mm:ssZ'", MOMENT - 750 - 8 * 3_600_000),
        ("'2018-02-06 19:01:35.750Z', 'yyyy-MM-dd HH:mm:ss.SSSX'", MOMENT),
        ("'2018-02-06 19:01:35', 'yyyy-MM-dd HH:mm:ss', 'Europe/Berlin'", MOMENT - 750 - 3_600_000),
        ("'2018-02-06 19:01:35+0100', 'yyyy-MM-dd HH:mm:ssZ', 'Asia/Tokyo'", MOMENT - 750 - 3_600_000),
        ("'6 February 2018 7:01 PM UTC', 'd MMMM yyyy h:mm a z'", MOMENT - 35_750),
        ("'20180206190135', 'yyyyMMddHHmmss', 'UTC'", MOMENT - 750),
        ("'Tue, 06 Feb 18 19h', \"EEE, dd MMM yy HH'h'\", 'UTC'", MOMENT - 95_750),
    ],
)
def test_times_are_parsed_as_in_java(evaluate: Evaluate, arguments: str, moment: int) -> None:
    assert evaluate(f"util.time.parseFormattedToEpochMilliSeconds({arguments})") == moment


def test_a_repeated_local_time_is_the_first_and_a_skipped_one_is_moved_forward(evaluate: Evaluate) -> None:
    def instant(text: str) -> Any:
        return evaluate(
            "util.time.epochMilliSecondsToISO8601(util.time.parseFormattedToEpochMilliSeconds("
            f"'{text}', 'yyyy-MM-dd HH:mm', 'Europe/Berlin'))"
        )

    assert instant("2026-10-25 02:30") == "2026-10-25T00:30:00.000Z"
    assert instant("2026-03-29 02:30") == "2026-03-29T01:30:00.000Z"
    assert instant("2026-07-01 12:00") == "2026-07-01T10:00:00.000Z"


@pytest.mark.parametrize(
    ("call_", "message"),
    [
        ("parseFormattedToEpochMilliSeconds('x', 'yyyy')", "the time x does not have the format yyyy"),
        ("parseFormattedToEpochMilliSeconds('2018-02-06 10', 'yyyy-MM-dd HH')", "has no time zone, and none is given"),
        ("parseFormattedToEpochMilliSeconds('2018-02-30 10', 'yyyy-MM-dd HH', 'UTC')", "not in the calendar"),
        ("parseFormattedToEpochMilliSeconds('2018-02-06', 'yyyy-MM-dd', 'UTC')", "lacks a date or a time of day"),
        ("nowFormatted('yyyy', 'Nowhere/Land')", "there is no time zone Nowhere/Land"),
        ("nowFormatted('yyyy b')", "the letter b, which is not supported by this engine"),
        ("parseISO8601ToEpochMilliSeconds('2018-02-06T10:00:00')", "is not a time in ISO 8601 with an offset"),
    ],
)
def test_an_invalid_time_or_format_is_refused_with_the_reason(evaluate: Evaluate, call_: str, message: str) -> None:
    with pytest.raises(ScriptFailed, match=message):
        evaluate(f"util.time.{call_}")


def test_the_current_time_is_returned_in_every_form(evaluate: Evaluate) -> None:
    before = time.time()
    seconds, milliseconds, iso, year = evaluate(
        "[util.time.nowEpochSeconds(), util.time.nowEpochMilliSeconds(), util.time.nowISO8601(), "
        "util.time.nowFormatted('yyyy')]"
    )

    assert int(before) <= seconds <= milliseconds / 1000 <= time.time()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", iso)
    assert iso.startswith(year)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'a.b'.replaceAll('.', 'x')", "xxx"),
        ("'a.b'.replaceAll('\\\\.', 'x')", "axb"),
        ("'aab'.replace('a', 'x')", "xab"),
        ("'John Smith'.replace('(\\\\w+) (?<last>\\\\w+)', '${last}, $1')", "Smith, John"),
        ("'a'.replace('a', '\\\\$0')", "$0"),
        ("'a'.replaceAll('(a)', '$1$0$12')", "aaa2"),
        ("'a+b'.replaceAll('\\\\Q+\\\\E', '-')", "a-b"),
        ("'aB1 é'.replaceAll('\\\\p{Upper}|\\\\p{Digit}', '_')", "a__ é"),
        ("'aé'.replaceAll('\\\\p{L}', '_')", "__"),
        ("'x1y22'.replaceAll('[\\\\p{Digit}]+', '#')", "x#y#"),
        ("util.matches('(?i)^abc$', 'ABC')", True),
        ("util.matches('(?s)a.b', 'a\\nb')", True),
        ("util.matches('\\\\Aab\\\\z', 'ab\\n')", False),
        ("util.matches('a*b', 'aaaaab')", True),
        ("util.matches('^[]a]$', ']')", True),
    ],
)
def test_regular_expressions_are_those_of_java(evaluate: Evaluate, expression: str, value: object) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize("pattern", ["a++", "(?>a)", "[a&&b]", "[a[b]]", "\\\\G", "a(?i)b"])
def test_syntax_of_java_without_an_equivalent_in_javascript_is_refused(evaluate: Evaluate, pattern: str) -> None:
    with pytest.raises(ScriptFailed, match="is Java's own and not supported by this engine"):
        evaluate(f"util.matches('{pattern}', 'a')")


def test_a_replacement_with_an_unknown_group_is_refused_as_in_java(evaluate: Evaluate) -> None:
    with pytest.raises(ScriptFailed, match="there is no group 1 in the pattern"):
        evaluate("'a'.replace('a', '$1')")


def test_invalid_json_is_parsed_to_an_empty_string(evaluate: Evaluate) -> None:
    assert evaluate("[JSON.parse('{nope'), JSON.parse('[1]')]") == ["", [1]]


FILTERS = [
    ('{ v: { eq: "x" } }', "(#v = :v_eq)", {":v_eq": {"S": "x"}}),
    ("{ v: { ne: null } }", "(#v <> :v_ne)", {":v_ne": {"NULL": None}}),
    ("{ v: { lt: 1.5 } }", "(#v < :v_lt)", {":v_lt": {"N": 1.5}}),
    ('{ v: { contains: "x" } }', "(contains(#v,:v_contains))", {":v_contains": {"S": "x"}}),
    ('{ v: { notContains: "x" } }', "(NOT contains(#v,:v_notContains))", {":v_notContains": {"S": "x"}}),
    ('{ v: { beginsWith: "x" } }', "(begins_with(#v,:v_beginsWith))", {":v_beginsWith": {"S": "x"}}),
    ("{ v: { between: [1, 9, 3] } }", "(#v BETWEEN :v_between_start AND :v_between_end)",
     {":v_between_start": {"N": 1}, ":v_between_end": {"N": 9}}),
    ('{ v: { in: ["a", "b"] } }', "(#v IN (:v_in_0, :v_in_1))", {":v_in_0": {"S": "a"}, ":v_in_1": {"S": "b"}}),
    ("{ v: { in: [] } }", "(null)", {}),
    ("{ v: { attributeExists: false } }", "(attribute_not_exists(#v))", {}),
    ('{ v: { attributeType: "stringSet" } }', "(attribute_type(#v,:v_attributeType))",
     {":v_attributeType": {"S": "SS"}}),
    ("{ v: { size: { gt: 2, lt: 5 } } }", "((size(#v) > :v_size_gt) AND (size(#v) < :v_size_lt))",
     {":v_size_gt": {"N": 2}, ":v_size_lt": {"N": 5}}),
    ("{ v: { size: { size: { gt: 1 } } } }", "(size(#v) > :v_size_size_gt)", {":v_size_size_gt": {"N": 1}}),
    ("{ v: { ge: 1, le: 5 } }", "((#v >= :v_ge) AND (#v <= :v_le))", {":v_ge": {"N": 1}, ":v_le": {"N": 5}}),
    ("{ and: [{ v: { eq: 1 } }] }", "(#v = :and_0_v_eq)", {":and_0_v_eq": {"N": 1}}),
    ("{ or: [{ and: [{ v: { eq: 1 } }, { v: { eq: 2 } }] }, { v: { eq: 3 } }] }",
     "(((#v = :or_0_and_0_v_eq) AND (#v = :or_0_and_1_v_eq)) OR (#v = :or_1_v_eq))",
     {":or_0_and_0_v_eq": {"N": 1}, ":or_0_and_1_v_eq": {"N": 2}, ":or_1_v_eq": {"N": 3}}),
    ("{ not: { not: { v: { eq: 1 } } } }", "(NOT (NOT (#v = :not_not_v_eq)))", {":not_not_v_eq": {"N": 1}}),
    ("{ v: { eq: 1 }, and: [{ v: { eq: 2 } }] }", "(#v = :v_eq) AND (#v = :and_0_v_eq)",
     {":v_eq": {"N": 1}, ":and_0_v_eq": {"N": 2}}),
    ("{ and: [{ v: { eq: 1 } }, {}] }", "((#v = :and_0_v_eq) AND )", {":and_0_v_eq": {"N": 1}}),
    ("{ v: {} }", "", {}),
]  # fmt: skip


@pytest.mark.parametrize("method", ["toDynamoDBFilterExpression", "toDynamoDBConditionExpression"])
@pytest.mark.parametrize(("condition", "expression", "values"), FILTERS)
def test_filters_become_the_same_expressions_as_in_the_service(
    evaluate: Evaluate, method: str, condition: str, expression: str, values: dict[str, object]
) -> None:
    made = json.loads(evaluate(f"util.transform.{method}({condition})"))

    assert made == {"expression": expression, "expressionNames": {"#v": "v"}, "expressionValues": values}


@pytest.mark.parametrize(
    "condition",
    [
        "", "null", "[]", '"text"', "{ v: { foo: 1 } }", '{ v: "x" }', "{ a: { b: { eq: 1 } } }", "{ and: { v: {} } }",
        "{ and: null }", "{ and: [null] }", "{ not: [{ v: { eq: 1 } }] }", "{ v: { between: [1] } }",
        '{ v: { in: "x" } }', '{ v: { attributeExists: "yes" } }', '{ v: { attributeType: "S" } }',
        "{ v: { size: 3 } }",
    ],
)  # fmt: skip
def test_an_invalid_filter_is_null(evaluate: Evaluate, condition: str) -> None:
    assert evaluate(f"util.transform.toDynamoDBFilterExpression({condition})") is None


@pytest.mark.parametrize(
    ("arguments", "groups"),
    [
        ("{ a: { bogus: 1 } }", [[("a", "bogus", 1)]]),
        ("{ not: { a: { eq: 1 } } }", [[("not", "a", {"eq": 1})]]),
        ("{ z: { eq: 0 }, and: [{ a: { eq: 1 } }] }", [[("z", "eq", 0), ("a", "eq", 1)]]),
        ("{ a: { eq: 1 }, and: [{ b: { eq: 2 } }] }, ['b']", [[("a", "eq", 1)]]),
        ("{}, [], { r: { eq: 1 } }", [[("r", "eq", 1)]]),
        ("{ a: {} }", []),
        ("{ and: [] }", []),
        ("{}", []),
    ],
)
def test_subscription_filters_are_the_same_as_in_the_service(
    evaluate: Evaluate, arguments: str, groups: list[list[tuple[str, str, object]]]
) -> None:
    expected = [{"filters": [{"fieldName": f, "operator": o, "value": v} for f, o, v in group]} for group in groups]

    assert evaluate(f"util.transform.toSubscriptionFilter({arguments})") == {"filterGroup": expected}


def test_an_invalid_subscription_filter_is_null(evaluate: Evaluate) -> None:
    assert evaluate("[null, undefined, [], '{}'].map((f) => util.transform.toSubscriptionFilter(f))") == [None] * 4


def test_a_search_query_matches_the_guides_example(evaluate: Evaluate) -> None:
    query = evaluate(
        "util.transform.toElasticsearchQueryDSL({ upvotes: { ne: 15, range: [10, 20] }, "
        "title: { eq: 'hihihi', wildcard: 'h*i' } })"
    )

    def both(*clauses: object) -> dict[str, object]:
        return {"bool": {"must": list(clauses)}}

    assert json.loads(query) == both(
        both(
            {"bool": {"must_not": {"term": {"upvotes": 15}}}},
            {"range": {"upvotes": {"gte": 10, "lte": 20}}},
        ),
        both({"term": {"title": "hihihi"}}, {"wildcard": {"title": "h*i"}}),
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("toDynamoDB({ s: 'a', n: 1, b: true, z: null, l: [1] })",
         {"M": {"s": {"S": "a"}, "n": {"N": 1}, "b": {"BOOL": True}, "z": {"NULL": None}, "l": {"L": [{"N": 1}]}}}),
        ("toMapValues({ foo: 'bar', beep: ['boop'] })", {"foo": {"S": "bar"}, "beep": {"L": [{"S": "boop"}]}}),
        ("toMap({ a: 1 })", {"M": {"a": {"N": 1}}}),
        ("toList(['foo', { bar: 1 }])", {"L": [{"S": "foo"}, {"M": {"bar": {"N": 1}}}]}),
        ("toStringSet(['a'])", {"SS": ["a"]}),
        ("toNumberSet([1, 4.56])", {"NS": [1, 4.56]}),
        ("toBinarySet(['Zm9v'])", {"BS": ["Zm9v"]}),
        ("toBinary('Zm9v')", {"B": "Zm9v"}),
        ("toNull()", {"NULL": None}),
        ("toString(null)", None),
        ("toS3Object('k', 'b', 'r', 'v')", {"S": '{"s3":{"key":"k","bucket":"b","region":"r","version":"v"}}'}),
        ("fromS3ObjectJson('{\"s3\":{\"key\":\"k\",\"bucket\":\"b\",\"region\":\"r\"}}')",
         {"key": "k", "bucket": "b", "region": "r"}),
    ],
)  # fmt: skip
def test_values_become_typed_values_of_dynamodb(evaluate: Evaluate, expression: str, value: object) -> None:
    assert evaluate(f"util.dynamodb.{expression}") == value


def test_xml_matches_the_guides_example(evaluate: Evaluate) -> None:
    xml = '<?xml version="1.0"?><posts><post><id>1</id><title>Getting started with GraphQL</title></post></posts>'
    value = {"posts": {"post": {"id": 1, "title": "Getting started with GraphQL"}}}

    assert evaluate(f"util.xml.toMap('{xml}')") == value
    assert json.loads(evaluate(f"util.xml.toJsonString('{xml}')")) == value
    assert json.loads(json.loads(evaluate(f"util.xml.toJsonString('{xml}', true)"))) == value


@pytest.mark.parametrize(
    ("xml", "value"),
    [
        ('<a x="1" y="z"><b/><b>2</b></a>', {"a": {"x": 1, "y": "z", "b": ["", 2]}}),
        ("<a>one<b>two</b></a>", {"a": {"b": "two", "content": "one"}}),
        ("<a><!-- no --><![CDATA[<b>&amp;]]></a>", {"a": "<b>&amp;"}),
        ("<a>&lt;&#233;&#x1F600;&amp;</a>", {"a": "<é😀&"}),
        ("<a><t>true</t><n>007</n><e>1e3</e></a>", {"a": {"t": True, "n": "007", "e": 1000}}),
    ],
)
def test_xml_becomes_objects(evaluate: Evaluate, xml: str, value: object) -> None:
    assert evaluate(f"util.xml.toMap({json.dumps(xml)})") == value


@pytest.mark.parametrize("xml", ["<a><b></a>", "<a>", "text", "<a></a>more"])
def test_text_that_is_not_xml_is_refused(evaluate: Evaluate, xml: str) -> None:
    with pytest.raises(ScriptFailed, match=r"util\.xml was given text that is not XML"):
        evaluate(f"util.xml.toMap('{xml}')")


def test_rows_of_a_database_become_objects(evaluate: Evaluate) -> None:
    columns = "[{ label: 'id', name: 'x' }, { name: 'tags' }, { name: 'none' }]"
    row = "[{ longValue: 1 }, { arrayValue: { stringValues: ['a'] } }, { isNull: true }]"

    assert evaluate(
        f"util.rds.toJsonObject(JSON.stringify({{ sqlStatementResults: [{{ records: [{row}], "
        f"columnMetadata: {columns} }}, {{ numberOfRecordsUpdated: 1 }}] }}))"
    ) == [[{"id": 1, "tags": ["a"]}], [{}]]


def test_sortable_ids_begin_with_the_time(evaluate: Evaluate) -> None:
    ulids = [evaluate("util.autoUlid()") for _ in range(3)]
    ksuids = evaluate("[util.autoKsuid(), util.autoKsuid()]")

    assert all(re.fullmatch(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", ulid) for ulid in ulids)
    assert len({ulid[10:] for ulid in ulids}) == 3
    decoded = 0
    for digit in ulids[0][:10]:
        decoded = decoded * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit)
    assert abs(decoded / 1000 - time.time()) < 60
    assert all(re.fullmatch(r"[0-9A-Za-z]{27}", ksuid) for ksuid in ksuids)
    assert ksuids[0] != ksuids[1]
    assert ksuids[0][:4] == ksuids[1][:4]


def test_text_is_escaped_for_a_javascript_string(evaluate: Evaluate) -> None:
    assert evaluate(r"""util.escapeJavaScript("it's \"é\"\n/")""") == r"""it\'s \"\u00E9\"\n\/"""


def test_copied_headers_leave_out_those_of_the_connection(evaluate: Evaluate) -> None:
    assert evaluate("util.http.copyHeaders({ Host: 'a', 'Keep-Alive': 1, 'x-own': 'b', TE: 'c' })") == {"x-own": "b"}


def test_the_effects_of_a_call_are_returned(load: Load) -> None:
    effects = call(load(file(
        "util.http.addResponseHeader('a', 1); util.http.addResponseHeaders({ b: 'x', c: { d: 2 } }); "
        "extensions.setSubscriptionInvalidationFilter({ filterGroup: [] }); "
        "extensions.invalidateSubscriptions({ subscriptionField: 'onX', payload: { a: 1 } }); "
        "extensions.evictFromApiCache('Query', 'x', { 'context.arguments.id': '1' }); return 1"
    ))).effects  # fmt: skip

    assert effects.headers == [("a", 1), ("b", "x"), ("c", {"d": 2})]
    assert effects.invalidation_filter == {"filterGroup": []}
    assert effects.invalidations == [{"subscriptionField": "onX", "payload": {"a": 1}}]
    assert effects.evictions == [{"type": "Query", "field": "x", "keys": {"context.arguments.id": "1"}}]
