"""Templates that try to be more than templates: to write JavaScript, to reach what is around them, or to run on."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appsync_local.errors import ApiInvalid, ScriptFailed
from appsync_local.javascript import sandbox
from appsync_local.velocity.templates import Around, TemplatePair
from tests.unit.appsync_local.velocity.conftest import CTX, Render, Run

SIGNS = "\"'`\\${}()[]<>/*;\n\r\t\0\u2028\u2029é🙂-+.=%&|!, "
WORDS = (
    "#set", "#if", "#else", "#end", "#foreach", "#macro", "#return", "#stop", "#break", "##", "#*", "*#", "#[[", "]]#",
    "$a", "$!{a}", "$ctx", "$util", "$foreach", "__proto__", "constructor", "V_STOP", "out", "eval",
    " in ", "${", "1e9",
)  # fmt: skip
HOSTILE = (
    '");globalThis.x=1;("',
    '\\");globalThis.x=1;("',
    "\u2028globalThis.x=1\u2029",
    "${globalThis}`${1+1}`",
    "</script><!-- -->",
    "*/ globalThis.x=1 /*",
    "\0",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(render: Callable[[str], str], text: str) -> None:
    assert render(f"#[[{text}]]#") == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_string_stays_a_string(value: Render, text: str) -> None:
    assert value(f"#set($a = '{text}')$util.toJson($a)") == text


@pytest.mark.parametrize("text", HOSTILE)
def test_an_argument_of_a_caller_is_no_template_and_no_script(run: Run, text: str) -> None:
    outcome = run("$util.toJson($ctx.args)", arguments={text: text, "__proto__": {"isAdmin": True}})

    assert outcome.body["value"] == {text: text, "__proto__": {"isAdmin": True}}


@pytest.mark.parametrize(
    "reference",
    [
        "$ctx.constructor", "$ctx.args.word.constructor", '$ctx.args.word.constructor("return 1")', "$util.constructor",
        '$util.error.constructor("return 1")', '$util.toJson.call("x")', '$ctx.args.list["push"]', "$ctx.args.isAdmin",
        '$ctx.args.list["constructor"]', "$ctx.args.map.__proto__", "$globalThis", "$V_STOP", "$out", "$__invoke",
        '$ctx.args.map.entrySet()[0].constructor', '$ctx.args.map.get("constructor")', "$foreach.constructor",
        '$ctx.args.map["toString"]', "$ctx.args.list.length", "$util.map.constructor",
    ],
)  # fmt: skip
def test_a_reference_reaches_values_only(render: Callable[[str], str], reference: str) -> None:
    assert render(reference) == reference


@pytest.mark.parametrize(
    "change",
    [
        '#set($ctx.stash.__proto__ = {"isAdmin": true})',
        '#set($ctx.stash["__proto__"] = {"isAdmin": true})',
        '$util.qr($ctx.stash.put("__proto__", {"isAdmin": true}))',
        '$util.qr($ctx.stash.putAll({"__proto__": {"isAdmin": true}}))',
        """#set($ctx.stash = $util.parseJson('{"__proto__": {"isAdmin": true},}'))""",
    ],
)
def test_no_key_gives_an_object_members_that_it_does_not_have(value: Render, change: str) -> None:
    found = value(
        f'{change}$util.toJson([$ctx.stash.isAdmin, $ctx.args.map.isAdmin, $ctx.stash.containsKey("isAdmin")])'
    )

    assert found == [None, None, False]


def test_a_macro_and_a_variable_may_have_any_name(value: Render) -> None:
    template = '#macro(constructor $__proto__ $out)#set($eval = 1)"$__proto__$out$eval"#end#constructor("a" "b")'

    assert value(template) == "ab1"


@pytest.mark.parametrize(
    "text",
    [
        "#foreach($i in [1..1000])#foreach($j in [1..1000])#foreach($k in [1..1000])#set($z = $k)#end#end#end 1",
        '#set($s = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")$s.matches("(a+)+b")',
        "#macro(again)#again()#end#again()1",
        '#set($s = "a")#foreach($i in [1..100])#set($s = "$s$s")#end 1',
    ],
)
def test_a_template_has_limits(run: Run, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "TIME_LIMIT", 0.1)

    with pytest.raises(ScriptFailed, match=r"ran longer than 0.1 s|stack|too long|memory"):
        run(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#set($a = 99999999999999999999)1", "1:11: expected a number of at most 9223372036854775807"),
        (f"#set($a = {'9' * 5000})1", "1:11: expected a number of at most"),
        ("#set($a = 1e999)1", "1:11: expected a number of at most"),
        (f"#set($a = 1{'+1' * 20_000})1", "1:1: an expression has too many parts; split it with #set"),
        ("## #macro(gone)\n#gone()1", "2:1: #gone is called, and its #macro is only in a comment or string"),
        (f"#set($a = {'[' * 5000})", "more than 60 levels of nesting"),
        (f"$x{'.b' * 20_000}", "Maximum call stack size exceeded"),
    ],
)
def test_a_template_that_cannot_be_compiled_is_refused_with_its_place(
    pair: Callable[[str], TemplatePair], text: str, message: str
) -> None:
    with pytest.raises(ApiInvalid) as refused:
        pair(text)
    assert message in str(refused.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.sampled_from([*SIGNS, *WORDS]), max_size=25))
def test_no_text_of_a_template_becomes_wrong_javascript(tmp_path: Path, pieces: list[str]) -> None:
    path = tmp_path / "Query.note.response.vtl"
    path.write_bytes("".join(pieces).encode())

    assert re.search("(Syntax|Reference|Type)Error", end_of(path)) is None


def end_of(path: Path) -> str:
    """Why a template is refused or fails; empty if it ends well."""
    try:
        pair = TemplatePair(None, path, Around.PIPELINE, "Query.note")
        pair.call("response", json.dumps(CTX | {"stash": {}}), json.dumps(CTX), None)
    except (ApiInvalid, ScriptFailed) as error:
        return str(error)
    return ""
