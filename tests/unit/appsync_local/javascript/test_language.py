"""Unsupported language features are refused when a file is loaded, with the position and the reason."""

from collections.abc import Callable

import pytest

from appsync_local.errors import ApiInvalid, ScriptFailed
from appsync_local.javascript.script import Script
from tests.unit.appsync_local.javascript.conftest import Evaluate, Load, call

HANDLERS = "export function request(ctx) {}\nexport function response(ctx) {}\n"


@pytest.mark.parametrize(
    ("code", "column", "reason"),
    [
        ("async function f() {}", 1, "async functions are not supported"),
        ("const f = async () => 1;", 11, "async functions are not supported"),
        ("function* f() {}", 1, "generators are not supported"),
        ("function f() { while (true) {} }", 16, "`while` is not supported"),
        ("function f() { do {} while (true) }", 16, "`do` is not supported"),
        ("function f() { for (let i = 0; i < 3; i = i + 1) {} }", 16, r"`for \(;;\)` is not supported"),
        ("function f(xs) { for (const x of xs) { if (x) continue; } }", 47, "`continue` is not supported"),
        ("function f(xs) { all: for (const x of xs) {} }", 18, "labels are not supported"),
        ("function f() { try { f.x } catch (e) {} }", 16, "`try` is not supported"),
        ("function f() { throw 'x' }", 16, "`throw` is not supported; call util.error"),
        ("class A {}", 1, "classes are not supported"),
        ("const A = class {};", 11, "classes are not supported"),
        ("function f() { return this.x }", 23, "`this` is not supported"),
        ("const d = new Map();", 11, "`new` is not supported"),
        ("const r = /a+/;", 11, "regular expression literals are not supported; give util.matches"),
        ("let n = 0; n++;", 12, r"`\+\+` and `--` are not supported; write `n = n \+ 1`"),
        ("let n = 0; --n;", 12, r"`\+\+` and `--` are not supported"),
        ("const n = ~1;", 11, "the operator `~` is not supported"),
        ("const has = 'a' in {};", 17, "the operator `in` is not supported; use Object.hasOwn"),
        ("const is = {} instanceof Object;", 15, "the operator `instanceof` is not supported"),
        ("const now = Date.now();", 13, "Date is not supported: use util.time"),
        ("const p = Promise.resolve(1);", 11, "Promise is not supported"),
        ("eval('1');", 1, "eval is not supported"),
        ("setTimeout('1', 1);", 1, "setTimeout is not supported: code cannot wait"),
        ("const f = (x) => x; f.call(null, 1);", 21, "Function.call is not supported"),
        ("const g = (f) => f(); g(() => 1);", 25, "a function cannot be passed as an argument"),
        ("const one = () => 1; const g = (f) => 2; g(one);", 44, "a function cannot be passed as an argument"),
        ("const sorted = [2, 1].sort((a, b) => a - b);", 28, "a function cannot be passed as an argument"),
        ("const f = () => () => 1;", 11, "a function cannot be returned"),
        ("function f() { return function () {} }", 16, "a function cannot be returned"),
        ("const f = () => 1; const g = f;", 26, "the function f cannot be given another name"),
        ("function f(n) { return n ? f(n - 1) : 0 }", 28, "recursion is not supported"),
        ("function a() { return b() } const b = () => a();", 23, "recursion is not supported: b leads back to a"),
        ("const x = import('y');", 11, r"import\(\) is not supported"),
        ("const meta = import.meta;", 14, "`import.meta` and `new.target` are not supported"),
    ],
)
def test_code_that_aws_refuses_is_refused_with_its_position(load: Load, code: str, column: int, reason: str) -> None:
    with pytest.raises(ApiInvalid, match=rf"code\.js:3:{column}: {reason}"):
        load(HANDLERS + code)


@pytest.mark.parametrize(
    ("body", "column"),
    [
        ("ctx.stash = {};", 33), ("ctx = {};", 33), ("delete ctx.args;", 40), ("ctx['args'] = 1;", 33),
        ("for (ctx.args of []) {}", 38),
    ],
)  # fmt: skip
def test_the_context_cannot_be_replaced(load: Load, body: str, column: int) -> None:
    with pytest.raises(ApiInvalid, match=rf"code\.js:1:{column}: ctx.* cannot be replaced; .*ctx\.stash"):
        load(f"export function request(ctx) {{  {body} }}\nexport function response(ctx) {{}}")


def test_all_problems_of_a_file_are_reported_together(load: Load) -> None:
    with pytest.raises(ApiInvalid) as caught:
        load(HANDLERS + "let n = 0;\nn++;\nclass A {}\nconst d = Date;")

    assert [problem.split(": ", 1)[0].rsplit("code.js:")[-1] for problem in caught.value.problems] == [
        "4:1",
        "5:1",
        "6:11",
    ]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1, 2, 3].map((n) => n * 2).filter((n) => n > 2).reduce((a, b) => a + b, 0)", 10),
        ("Object.entries({ a: 1 }).flatMap(([k, v]) => [k, v])", ["a", 1]),
        ("`${[3, 1, 2].sort().join()}` + (undefined?.x ?? 'none')", "1,2,3none"),
        ("((...all) => all.length)(1, 2)", 2),
        ("typeof void 0 === 'undefined' && Object.hasOwn({ a: 1 }, 'a')", True),
        ("{ ...{ a: 1 }, b: [...'xy'] }", {"a": 1, "b": ["x", "y"]}),
        ("[5 & 3, 5 | 3, 5 ^ 3, 1 << 3, -9 >> 1, 2 ** 3]", [1, 7, 6, 8, -5, 8]),
        ("'a-b'.split('-').concat('c').includes('b')", True),
    ],
)
def test_other_expressions_are_supported(evaluate: Evaluate, expression: str, value: object) -> None:
    assert evaluate(expression) == value


def test_other_statements_are_supported(load: Load) -> None:
    script = load(
        "export const request = (ctx) => {\n"
        "  const seen = [];\n"
        "  for (const key in { a: 1, b: 2, c: 3 }) { if (key === 'c') { break; } seen.push(key); }\n"
        "  for (const { n, m = 5 } of [{ n: 1 }, { n: 2, m: 6 }]) seen.push(n, m);\n"
        "  switch (seen.length) { case 6: seen.push('six'); break; default: seen.push('?'); }\n"
        "  return seen;\n"
        "};\nexport const response = () => null;\n"
    )

    assert call(script).body["value"] == ["a", "b", 1, 5, 2, 6, "six"]


def test_code_may_declare_the_names_of_missing_globals(load: Load) -> None:
    script = load(
        "const Map = { a: 1 };\nfunction name(Date) { return Date; }\n"
        "export function request({ arguments: process }) { return [Map.a, name(2), process.n]; }\n"
        "export function response() {}"
    )

    assert call(script).body["value"] == [1, 2, 4]


@pytest.mark.parametrize(
    "loop",
    [
        "for (const x of many) { n = n + x; }",
        "for (const x of many) n = n + x;",
        "for (const k in { ...many }) { n = n + many[k]; }",
    ],
)
def test_a_loop_may_have_1000_iterations_and_no_more(load: Load, loop: str) -> None:
    script = load(
        "export function request(ctx) {\n  const many = [];\n  many[ctx.args.n - 1] = 1;\n  let n = 0;\n"
        f"  const all = many.concat([]).fill(1);\n  {loop.replace('many', 'all')} return n;\n}}\n"
        "export function response() {}"
    )

    assert call(script, arguments={"n": 1000}).body["value"] == 1000
    with pytest.raises(
        ScriptFailed, match=r"^code\.js:6:\d+: RangeError: this loop exceeds the limit of 1000 iterations"
    ):
        call(script, arguments={"n": 1001})


def test_two_loops_may_have_1000_iterations_each(load: Load) -> None:
    loop = "for (const a of many) n = n + 1;"
    script = load(
        f"export function request() {{ const many = []; many[999] = 1; let n = 0; {loop} {loop} return n }}\n"
        "export function response() {}"
    )

    assert call(script).body["value"] == 2000


def test_a_column_after_a_loop_is_that_of_the_file(load: Load) -> None:
    line = "  for (const a of [1]) { for (const k in { b: 1 }) { ctx.no.such; } }"
    script = load(f"export function request(ctx) {{\n{line}\n}}\nexport function response() {{}}")

    with pytest.raises(ScriptFailed, match=r"^code\.js:2:(\d+): TypeError") as caught:
        call(script)

    column = int(caught.value.message.split(":")[2])
    assert line[column - 1 :].startswith((".such", "such", "ctx.no.such", "no.such"))


def test_the_trace_of_a_failure_has_the_functions_of_the_file(load: Load) -> None:
    script = load("const deep = (x) => {\n  return x.a.b;\n};\nexport function request() { return deep({}); }\n"
                  "export function response() {}")  # fmt: skip

    with pytest.raises(ScriptFailed) as caught:
        call(script)

    assert [frame.rsplit("/")[-1] for frame in caught.value.trace] == ["code.js:2:10)", "code.js:4:36)"]
    assert caught.value.trace[0].startswith(f"at deep ({script.path}")


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("['a'][0].padStart(3)", "String.padStart"), ("['a'][0].charCodeAt(0)", "String.charCodeAt"),
        ("[Array][0].from('ab')", "Array.from"), ("[Object][0].freeze({})", "Object.freeze"),
        ("[String][0].fromCharCode(65)", "String.fromCharCode"),
    ],
)  # fmt: skip
def test_methods_that_appsync_does_not_have_are_refused_when_they_are_called(
    evaluate: Evaluate, expression: str, name: str
) -> None:
    with pytest.raises(ScriptFailed, match=rf"{name} is not part of AppSync's JavaScript"):
        evaluate(expression)


def test_code_may_use_utilities_at_load_time_but_not_end_a_handler(load: Load) -> None:
    assert call(load("const id = util.autoId();\nexport const request = () => id.length;\n"
                     "export const response = () => 1;")).body["value"] == 36  # fmt: skip

    with pytest.raises(ApiInvalid, match=r"can only be called in a handler"):
        load(f"util.error('no');\n{HANDLERS}")


def test_files_of_this_project_are_accepted(project_files: Callable[[], list[Script]]) -> None:
    assert len(project_files()) >= 5


@pytest.fixture
def project_files() -> Callable[[], list[Script]]:
    from pathlib import Path

    graphql = Path(__file__).resolve().parents[4] / "graphql"
    return lambda: [Script(path) for path in sorted(graphql.glob("*/*.js"))]
