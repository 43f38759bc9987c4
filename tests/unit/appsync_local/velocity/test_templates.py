"""What becomes of the text that a template writes, the limits of templates, and what templates cannot reach."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from appsync_local.errors import ScriptFailed
from appsync_local.javascript import sandbox
from tests.unit.appsync_local.velocity.conftest import Render, Run


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, 2.5e1, "x\\u00e4\\n", true, null]}', {"a": [1, 25, "xä\n", True, None]}),
        ('{"a": 1,}', {"a": 1}),
        ("[1, 2,\n]", [1, 2]),
        (' "text" ', "text"),
        ("null", None),
        ('{"a": {"b": 1}, "c": {"b": 1}}', {"a": {"b": 1}, "c": {"b": 1}}),
        ('{"a": "\\":\\":"}', {"a": '":":'}),
        ("[" * 200 + '{"a": [],},' + "]" * 200, json.loads("[" * 200 + '{"a": []}' + "]" * 200)),
    ],
)
def test_the_text_of_a_template_is_read_as_json(value: Render, text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", "Template transformation yielded an empty response."),
        ("## nothing", "Template transformation yielded an empty response."),
        ("some text", "Unable to convert some text to Object."),
        ('{"a": 1} x', "Trailing characters at the end of the JSON string are not allowed."),
        ('{"a": 1, "a": 2}', "Duplicate field 'a' detected on Object. Duplicate JSON keys are not allowed."),
        (
            '#foreach($k in ["a", "a"])#if($foreach.first){#end"$k": 1,#end}',
            "Duplicate field 'a' detected on Object. Duplicate JSON keys are not allowed.",
        ),
        (
            '{"a": """}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries\n at [line: 1, col",
        ),
        (
            '{"a": $none}',
            "Unexpected character ('$' (code 36)): was expecting a valid JSON value\n at [line: 1, column: 7]",
        ),
        ("[1", "Unexpected end-of-input: was expecting comma to separate Array entries\n at [line: 1, column: 3]"),
        ('{"a": "b', "Unexpected end-of-input: was expecting closing quote for a string value"),
        ('{"a": "b\nc"}', "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash"),
        ('{"a": "\\d"}', "Unrecognized character escape 'd' (code 100)\n at [line: 1, column: 8]"),
        ('{"\\u12": 1}', "Unrecognized character escape 'u' (code 117)"),
        ("{a: 1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name\n at ["),
        ("[" * 1000 + "1,", "Unexpected end-of-input: was expecting a valid JSON value"),
        ('#set($s = \'0123456789\')#foreach($i in [1..19])#set($s = "$s$s")#end"$s"', "Transformation too large"),
    ],
)
def test_text_that_is_not_json_is_an_error(failure: Callable[[str], tuple[str, str]], text: str, message: str) -> None:
    type_, found = failure(text)

    assert type_ == "MappingTemplate"
    assert found.startswith(message)


def test_an_argument_in_quotes_cannot_add_a_key(run: Run) -> None:
    text = '{"operation": "GetItem", "id": "$ctx.args.id"}'

    outcome = run(text, arguments={"id": 'x", "operation": "DeleteItem'})

    assert outcome.kind == "error"
    assert outcome.body["message"].startswith("Duplicate field 'operation'")


@pytest.mark.parametrize(
    ("text", "returned"),
    [
        ("#return", None),
        ("{#return()", None),
        ("#if(true)#return({'a': $ctx.args.n})#end not JSON", {"a": 2}),
        ("#foreach($i in [1..9])#if($i == 3)#return($i)#end#end", 3),
        ("#macro(end1)#return('x')#end#end1()", "x"),
    ],
)
def test_return_ends_a_template_with_a_value(run: Run, text: str, returned: Any) -> None:
    outcome = run(text)

    assert (outcome.kind, outcome.body["value"]) == ("returned", returned)


def test_a_template_changes_the_stash(run: Run) -> None:
    changed = run("$util.qr($ctx.stash.put('a', 1))#set($ctx.stash.b = {'c': 2}){}", stash={"z": 0})
    replaced = run("#set($ctx.stash = {'only': 1}){}", stash={"z": 0})

    assert changed.stash == {"z": 0, "a": 1, "b": {"c": 2}}
    assert replaced.stash == {"only": 1}


@pytest.mark.parametrize(
    "text",
    [
        "#macro(forever)#forever()#end#forever()",
        "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])x#end#end#end",
        "#set($s = 'abc')#foreach($i in [1..1000])#set($s = \"$s$s\")#end$s",
        '#foreach($a in [1..1000])#foreach($b in [1..1000])#set($s = "$!s 01234567890123456789012345678901")#end#end',
        "$util.matches('^(a+)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab')",
    ],
    ids=["recursion", "loops", "doubling", "growth", "regular expression"],
)
def test_a_template_without_an_end_is_stopped(run: Run, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sandbox, "TIME_LIMIT", 0.05)
    monkeypatch.setattr(sandbox, "MEMORY_LIMIT", 4 * 1024 * 1024)

    with pytest.raises(ScriptFailed) as stopped:
        run(text)

    assert stopped.value.message.startswith("Query.note.response.vtl:1:")


@pytest.mark.parametrize(
    "reference",
    [
        "$ctx.__class__", "$ctx.args.__proto__", "$ctx.args.constructor", "$ctx.args.word.constructor",
        "$ctx.args.list.length", "$ctx.args.map.hasOwnProperty('p')", "$ctx.args.word.getClass()", "$ctx.args.n.class",
        "$ctx.args.n.toFixed(2)", "$ctx.args.word.at(0)", "$ctx.args.list.map('x')", "$util.constructor('return 1')",
        "$util.toJson.constructor", "$util.__proto__", "$globalThis", "$out", "$V.halt", "$__modules", "$foreach.x",
        "$util.error.toString()", "$extensions.toString()", "$util.dynamodb", "$ctx.args.map['__proto__']",
    ],
)  # fmt: skip
def test_nothing_but_the_values_can_be_reached(render: Callable[[str], str], reference: str) -> None:
    assert render(reference) == reference


def test_a_map_may_have_any_key_and_no_other_map_gets_it(value: Render) -> None:
    keys = ["__proto__", "constructor", "toString", "hasOwnProperty"]
    put = "".join(f"$util.qr($m.put('{key}', 1))#set($n['{key}'] = 2)" for key in keys)

    found = value(
        f"#set($m = {{}})#set($n = {{'__proto__': 0}}){put}[$util.toJson($m), $util.toJson($n), $util.toJson({{}})]"
    )

    assert found == [dict.fromkeys(keys, 1), dict.fromkeys(keys, 2), {}]


def test_texts_of_templates_are_kept_as_they_are(value: Render) -> None:
    text = "`${1}` \\u2028 '+alert()+' </script> \\\\ \u2028 \U0001f600"

    assert value(json.dumps(text).replace("$", "#set($d = '$')$d")) == text
