"""APPSYNC_JS: loading code files, their runtime, and its limits."""

import json
import re

import pytest

from appsync_local.errors import ApiInvalid, ScriptFailed
from appsync_local.javascript import sandbox as limits
from appsync_local.javascript.modules import to_script
from appsync_local.javascript.syntax import parse
from tests.unit.appsync_local.javascript.conftest import CTX, Evaluate, Load, call, file, parts

# An array with as many elements as one loop may process.
MANY = "const many = []; many[999] = 1;"


@pytest.mark.parametrize(
    "text",
    [
        "export function request(ctx) { return 1 }\nexport function response(ctx) { return 2 }",
        "export const request = (ctx) => 1;\nexport const response = (ctx) => 2",
        "function a() { return 1 }\nfunction b() { return 2 }\nexport { a as request, b as response };",
        (
            "import { util as u } from '@aws-appsync/utils'\nimport {\n  runtime,\n} from \"@aws-appsync/utils\";\n"
            "export function request() { return u.math.minVal(1, 2) }\nexport function response() { return 2 }"
        ),
        (
            "// export function nothing() {\n/* import x from 'fs' */\n"
            "const t = `export ${ `{${1}` } import`;\nconst s = \"import 'fs'\";\n"
            "export function request(ctx) { return t.length / t.length }\nexport function response() { return 2 }"
        ),
    ],
)
def test_every_form_of_export_is_supported(load: Load, text: str) -> None:
    script = load(text)

    assert call(script).body["value"] == 1
    assert script.call("response", *parts(CTX), None).body["value"] == 2


def test_code_keeps_its_lines_and_columns() -> None:
    text = b'import {\n  util\n} from "@aws-appsync/utils";\n\nexport function request(ctx) { return ctx }\n'

    script = to_script(text, parse(text)).script

    assert script.split("\n")[4].index("function") == text.decode().split("\n")[4].index("function")
    assert script.count("\n") == text.count(b"\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("export function request() {}", r"code\.js:1:1: no response handler; add `export function response\(ctx\)`"),
        ("const a = 1;\nimport fs from 'fs';", r"code\.js:2:1: module 'fs' does not exist at run time"),
        ("import util from '@aws-appsync/utils';", r"code\.js:1:1: import by name"),
        ("export default 1;", r"code\.js:1:1: write `export function name\(ctx\)`"),
        (
            "const a = 1;\nexport function request() {\n  let x = ;\n}\nexport function response() {}",
            r"code\.js:3:11: ",
        ),
        ("// " + "x" * 33_000, "at most 32768 bytes of code"),
        ("const a = `open", r"code\.js:1:11: SyntaxError"),
    ],
)
def test_an_invalid_file_is_refused_with_the_position_and_the_fix(load: Load, text: str, message: str) -> None:
    with pytest.raises(ApiInvalid, match=message):
        load(text)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("ctx.args.n + ctx.arguments.n", 8),
        ("[JSON.stringify(ctx.info), ctx.info.selectionSetList, ctx.info.selectionSetGraphQL]",
         ['{"fieldName":"f"}', ["id"], "{ id }"]),
        ("util.authType()", "IAM Authorization"),
        ("util.base64Encode('äö€😀')", "w6TDtuKCrPCfmIA="),
        ("util.base64Decode('w6TDtuKCrPCfmIA=')", "äö€😀"),
        ("util.urlEncode('a b&c=(d)')", "a+b%26c%3D%28d%29"),
        ("util.urlDecode('a+b%26c')", "a b&c"),
        ("util.escapeJavaScript('it\\'s \"x\"')", "it\\'s \\\"x\\\""),
        ("[util.matches('^a.c$', 'abc'), util.matches('b', 'aaa')]", [True, False]),
        ("util.time.parseISO8601ToEpochMilliSeconds('2026-01-01T00:00:01Z')", 1767225601000),
        ("util.time.epochMilliSecondsToSeconds(1999)", 1),
        ("util.time.epochMilliSecondsToISO8601(1767225601000)", "2026-01-01T00:00:01.000Z"),
        ("[util.math.roundNum(2.5), util.math.minVal(1, 2), util.math.maxVal(1, 2)]", [3, 1, 2]),
        ("util.str.normalize('e\\u0301', 'nfc')", "é"),
        ("undefined", None),
        (
            "util.transform.toSubscriptionFilter({ a: { eq: 1 }, b: { in: ['x'] } })",
            {"filterGroup": [{"filters": [
                {"fieldName": "a", "operator": "eq", "value": 1},
                {"fieldName": "b", "operator": "in", "value": ["x"]},
            ]}]},
        ),
        (
            "util.transform.toSubscriptionFilter({ a: { eq: 1, ge: 2 }, skip: { eq: 0 } }, ['skip'])",
            {"filterGroup": [
                {"filters": [{"fieldName": "a", "operator": "eq", "value": 1}]},
                {"filters": [{"fieldName": "a", "operator": "ge", "value": 2}]},
            ]},
        ),
        (
            ("util.transform.toSubscriptionFilter("
            "{ or: [{ a: { eq: 1 } }, { and: [{ b: { eq: 2 } }, { c: { eq: 3 } }] }] })"),
            {"filterGroup": [
                {"filters": [{"fieldName": "a", "operator": "eq", "value": 1}]},
                {"filters": [
                    {"fieldName": "b", "operator": "eq", "value": 2},
                    {"fieldName": "c", "operator": "eq", "value": 3},
                ]},
            ]},
        ),
        (
            "util.transform.toSubscriptionFilter({ a: { eq: 1 } }, [], { b: { eq: 2 }, c: { eq: 3 } })",
            {"filterGroup": [
                {"filters": [
                    {"fieldName": "a", "operator": "eq", "value": 1},
                    {"fieldName": "b", "operator": "eq", "value": 2},
                ]},
                {"filters": [
                    {"fieldName": "a", "operator": "eq", "value": 1},
                    {"fieldName": "c", "operator": "eq", "value": 3},
                ]},
            ]},
        ),
    ],
)  # fmt: skip
def test_the_utilities_behave_as_documented(evaluate: Evaluate, expression: str, value: object) -> None:
    assert evaluate(expression) == value


def test_ids_are_uuids_that_do_not_repeat_in_another_context(evaluate: Evaluate) -> None:
    ids = [evaluate("util.autoId()") for _ in range(50)]

    assert len(set(ids)) == 50
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id_) for id_ in ids)


@pytest.mark.parametrize(
    ("owner", "name"), [("util", "toJson"), ("util.time", "nowRounded"), ("extensions", "publish")]
)
def test_an_unsupported_utility_is_named_if_its_name_is_computed(evaluate: Evaluate, owner: str, name: str) -> None:
    with pytest.raises(ScriptFailed, match=rf"{re.escape(owner)}\.{name} is not supported"):
        evaluate(f"{owner}[['{name}'].join()]()")


def test_an_error_ends_the_handler_and_keeps_all_of_its_arguments(load: Load) -> None:
    outcome = call(load(file('util.appendError("first", "T1"); util.error("m", "T", { a: 1 }, { b: 2 }); return 1')))

    assert outcome.kind == "error"
    assert [outcome.body[name] for name in ("message", "type", "data", "info")] == ["m", "T", {"a": 1}, {"b": 2}]
    assert [error["message"] for error in outcome.effects.appended] == ["first"]


def test_the_stash_is_kept_and_the_context_itself_cannot_be_replaced(load: Load) -> None:
    script = load(file("ctx.stash.seen = [1]; ctx.args.n = 5; return ctx.args.n"))
    assert call(script).stash == {"seen": [1]}


@pytest.mark.parametrize("member", ["stash", "args", "identity", "info"])
def test_replacing_a_member_of_the_context_is_refused_at_run_time(load: Load, member: str) -> None:
    replacing = load(file(f"const same = ctx; same.{member} = {{}}; return 1"))

    with pytest.raises(ScriptFailed, match=f"'{member}' is read-only"):
        call(replacing)


def test_listing_the_context_shows_all_of_its_members(load: Load) -> None:
    script = load(file("ctx.identity.sub = 'v'; return [Object.keys(ctx).sort(), JSON.stringify({ ...ctx })]"))

    keys, text = call(script).body["value"]

    assert keys == [
        "args", "arguments", "env", "identity", "info", "prev", "request", "result", "source", "stash",
    ]  # fmt: skip
    assert json.loads(text)["identity"] == {"sub": "v"}


def test_effects_of_one_call_do_not_reach_the_next(load: Load) -> None:
    script = load(file('if (ctx.args.n) { util.appendError("e"); extensions.setSubscriptionFilter({}); } return 1'))

    assert call(script).effects.filter == {}
    later = call(script, arguments={"n": 0})

    assert (later.effects.appended, later.effects.filter) == ([], None)


def test_logged_lines_are_returned(load: Load) -> None:
    script = load(file('console.log("n is", ctx.args); console.error("bad"); return 1'))

    assert call(script).effects.logs == [("log", 'n is {"n":4}'), ("error", "bad")]


def test_half_a_character_becomes_a_replacement_character(evaluate: Evaluate) -> None:
    assert evaluate("['😀'.slice(0, 1), '\\\\ud83d', 'ok']") == ["\ufffd", "\\ud83d", "ok"]


def test_an_exception_has_its_position_in_the_file(load: Load) -> None:
    script = load("function deep(x) {\n  return x.a.b;\n}\nexport function request() { return deep({}) }\n"
                  "export function response() {}")  # fmt: skip

    with pytest.raises(ScriptFailed, match=r"^code\.js:2:10: TypeError: "):
        call(script)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            f"{MANY} for (const a of many) {{ for (const b of many) {{ for (const c of many) {{}} }} }}",
            "ran longer than 0.05 s",
        ),
        ('return util.matches("(x+x+)+y", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")', "ran longer than 0.05 s"),
        ('return "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".replace("(x+x+)+y", "")', "ran longer than 0.05 s"),
        (
            f'{MANY} const all = []; for (const a of many) {{ for (const b of many) {{ all.push(a + "x" + b) }} }}',
            "out of memory",
        ),
        ("const o = { f: (x) => o.f(x) + 1 }; return o.f(1)", "Maximum call stack size exceeded"),
    ],
)
def test_code_that_exceeds_a_limit_is_stopped_and_the_next_call_runs(
    load: Load, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    monkeypatch.setattr(limits, "TIME_LIMIT", 0.05)
    monkeypatch.setattr(limits, "MEMORY_LIMIT", 2 * 1024 * 1024)
    script = load(file(f"if (ctx.args.n) {{ {body} }} return 'served'"))

    with pytest.raises(ScriptFailed, match=message):
        call(script)

    assert call(script, arguments={"n": 0}).body["value"] == "served"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("util.error();", ""),
        ('util.error("plain");', "plain"),
        ("util.error({ a: [1] });", '{"a":[1]}'),
    ],
)
def test_any_argument_of_error_becomes_a_message(load: Load, body: str, message: str) -> None:
    assert call(load(file(body))).body["message"] == message


@pytest.mark.parametrize(("holder", "member"), [("__proto__", "kind"), ("toString", "call"), ("constructor", "keys")])
def test_keys_from_a_caller_cannot_change_objects_that_calls_share(load: Load, holder: str, member: str) -> None:
    change = 'if (ctx.args.holder) own[ctx.args.holder][ctx.args.member] = "changed";'
    script = load(file(f'const own = {{}}; {change} return [own.kind ?? "none", Object.keys({{ a: 1 }})];'))

    with pytest.raises(ScriptFailed, match="TypeError"):
        call(script, arguments={"holder": holder, "member": member})

    assert call(script).body["value"] == ["none", ["a"]]


def test_code_cannot_change_how_its_result_is_serialised(load: Load) -> None:
    script = load(file('Object.prototype.toJSON = () => "forged"; return 1;'))

    with pytest.raises(ScriptFailed, match="TypeError"):
        call(script)


def test_an_object_may_have_members_of_any_name(load: Load) -> None:
    script = load(file('const own = {}; own.toString = 1; own["constructor"] = 2; own.valueOf = 3; return own;'))

    assert call(script).body["value"] == {"toString": 1, "constructor": 2, "valueOf": 3}


def test_the_name_of_a_method_is_not_a_time_zone(load: Load) -> None:
    script = load(file('return util.time.nowFormatted("yyyy", "constructor");'))

    with pytest.raises(ScriptFailed):
        call(script)


def test_a_missing_handler_is_reported_together_with_other_problems(load: Load) -> None:
    with pytest.raises(ApiInvalid) as caught:
        load("export function request(ctx) {\n  while (true) {}\n}\n")

    assert [problem.split("code.js:")[1].split(";")[0] for problem in caught.value.problems] == [
        "1:1: no response handler",
        "2:3: `while` is not supported",
    ]


def test_a_syntax_error_is_reported_instead_of_the_handler_that_it_hides(load: Load) -> None:
    with pytest.raises(ApiInvalid) as caught:
        load("export function request(ctx) { return {}; }\nexport function response(ctx { return 1; }\n")

    assert "SyntaxError" in str(caught.value)
