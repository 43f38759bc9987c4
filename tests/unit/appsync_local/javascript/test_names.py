"""Names have scope, and names that AWS refuses at deployment are refused when a file is loaded."""

import pytest

from appsync_local.errors import ApiInvalid
from tests.unit.appsync_local.javascript.conftest import Evaluate, Load, call

HANDLERS = "export function request(ctx) {}\nexport function response(ctx) {}\n"
IMPORTS = (
    'import { util, runtime, extensions } from "@aws-appsync/utils";\n'
    'import * as ddb from "@aws-appsync/utils/dynamodb";\n'
)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (("export function request(ctx) { const response = { a: 1 }; return response }\n"
         "export function response(ctx) {}"), {"a": 1}),
        (("const f = (x) => x;\n"
          "export function request(ctx) { const { request } = { request: 2 }; return f(request) }\n"
         "export function response(ctx) {}"), 2),
        (("function item(x) { return x }\nfunction of(item) { return item }\n"
         "export function request(ctx) { return of(3) }\nexport function response(ctx) { return item(1) }"), 3),
        (("export function request(ctx) { let n = 0; for (const process of [1, 2]) { n = n + process } return n }\n"
         "export function response(ctx) {}"), 3),
        (("export function request(ctx) { const [Date, { Map: Set = 4 }] = [1, {}]; return Date + Set }\n"
         "export function response(ctx) {}"), 5),
        (("export function request(ctx) { const go = (n) => n; { const go = [1]; return go } }\n"
         "export function response(ctx) {}"), [1]),
        (("function a(b) { return b }\nfunction b(a) { return a }\n"
         "export const request = (ctx) => a(b(6))\nexport const response = () => null"), 6),
        (("const request = (ctx) => { const ctx2 = ctx; { let ctx = {}; ctx = 7; return ctx } }\n"
         "const response = () => null;\nexport { request, response };"), 7),
        (("export function request(ctx) { return helper(8); function helper(util) { return util } }\n"
         "export function response(ctx) {}"), 8),
        (("export function request({ args: { x = 9, ...rest } }) { var y = x; return y }\n"
         "export function response(ctx) {}"), 9),
        (("export function request(ctx) { if (!ctx.none) { var late = 10 } return late }\n"
         "export function response(ctx) {}"), 10),
    ],
)  # fmt: skip
def test_a_name_refers_to_its_innermost_declaration(load: Load, code: str, value: object) -> None:
    assert call(load(code), args={}).body["value"] == value


@pytest.mark.parametrize(
    ("code", "column", "reason"),
    [
        (
            "const f = () => ddb.query({ limit, nextToken });",
            29,
            "limit is not declared; declare it, import it, or read",
        ),
        ("const f = (limit) => ddb.query({ limit, nextToken });", 41, "nextToken is not declared"),
        ("const f = () => { const a = 1; { const b = a } return b };", 55, "b is not declared"),
        ("const f = () => { missing = 1 };", 19, "missing is not declared"),
        ("const f = () => `${missing}`;", 20, "missing is not declared"),
        ("const f = (a = missing) => a;", 16, "missing is not declared"),
        ("const f = () => { for (const x of xs) {} return x };", 35, "xs is not declared"),
        ("const f = () => typeof missing;", 24, "missing is not declared"),
        ("const f = () => { const { [key]: a } = {}; return a };", 28, "key is not declared"),
        ("const f = () => Buffer.from('a');", 17, "Buffer is not supported: it is not part of AppSync's JavaScript"),
        ("const f = () => btoa('a');", 17, "btoa is not supported: use util.base64Encode"),
        ("const x = util.toJson({});", 16, "util.toJson exists in VTL only: use JSON.stringify"),
        ("const x = util['parseJson']('');", 16, "util.parseJson exists in VTL only: use JSON.parse"),
        ("const x = util?.qr(1);", 17, "util.qr exists in VTL only: leave it out"),
        ("const x = util.dynamodb.toStringJson('');", 25, "util.dynamodb.toStringJson exists in VTL only"),
        ("const x = util.time.nowRounded();", 21, "util.time.nowRounded does not exist; util.time has epoch"),
        ("const x = util.tiem.nowISO8601();", 16, "util.tiem does not exist; util has appendError"),
        ("const t = util.time; const x = t.now();", 34, "util.time.now does not exist"),
        ("const { time } = util; const x = time.now();", 39, "util.time.now does not exist"),
        ("const { time: t = 1 } = util; const x = t.now();", 43, "util.time.now does not exist"),
        ("const { tiem } = util;", 9, "util.tiem does not exist"),
        ("const { tiem: t } = util;", 9, "util.tiem does not exist"),
        ("const x = ddb.putItem({});", 15, "@aws-appsync/utils/dynamodb.putItem does not exist"),
        ("const x = ddb.operations.set(1);", 26, "operations.set does not exist"),
        ("const x = runtime.early();", 19, "runtime.early does not exist; runtime has earlyReturn"),
        ("const x = extensions.publish();", 22, "extensions.publish does not exist"),
        ("const x = console.debug(1);", 19, "console.debug does not exist; console has error, log"),
        ("const n = 1; n = 2;", 14, "n is a constant and cannot be assigned again; declare it with `let`"),
        ("const n = 1; n += 2;", 14, "n is a constant"),
        ("const n = 1; const f = () => { [n] = [2] };", 33, "n is a constant"),
        ("const n = 1; const f = () => { ({ n } = { n: 2 }) };", 35, "n is a constant"),
        ("const n = 1; const f = () => { for (n of [1]) {} };", 37, "n is a constant"),
        ("const f = () => { for (const x of [1]) { x = 2 } };", 42, "x is a constant"),
        ("util = 1;", 1, "util is imported and cannot be assigned"),
        ("function f() {} f = 1;", 17, "f is a function and cannot be assigned"),
        ("const x = [1, 2].toString();", 18, "Array.toString is not part of AppSync's JavaScript"),
        ("const a = [1]; const x = a.toString();", 28, "Array.toString is not part of"),
        ("const x = 'a,b'.split(',').map((s) => s).toLocaleString();", 42, "Array.toLocaleString is not part of"),
        ("const x = Object.keys({}).entries();", 27, "Array.entries is not part of"),
        ("const x = 'a'.padStart(3);", 15, "String.padStart is not part of"),
        ("const x = Object.freeze({});", 18, "Object.freeze is not part of"),
        ("const x = Array.from('ab');", 17, "Array.from is not part of"),
        ("function Own() { return 1 } const x = new Own();", 39, "`new` is not supported"),
    ],
)
def test_a_name_that_aws_refuses_is_refused_with_its_position(load: Load, code: str, column: int, reason: str) -> None:
    with pytest.raises(ApiInvalid, match=rf"code\.js:5:{column}: {reason}".replace("(", r"\(")):
        load(IMPORTS + HANDLERS + code)


@pytest.mark.parametrize(("name", "module"), [("utils", ""), ("putItem", "/dynamodb")])
def test_an_export_that_a_module_does_not_have_is_refused(load: Load, name: str, module: str) -> None:
    with pytest.raises(ApiInvalid, match=rf"code\.js:1:10: @aws-appsync/utils{module}.{name} does not exist"):
        load(f"import {{ {name} }} from '@aws-appsync/utils{module}';\n{HANDLERS}")


def test_the_context_of_an_arrow_function_cannot_be_replaced_either(load: Load) -> None:
    with pytest.raises(ApiInvalid, match=r"code\.js:1:33: ctx\.stash cannot be replaced"):
        load("export const request = (ctx) => ctx.stash = {};\nexport const response = (ctx) => null;")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("new Array()", []), ("new Array(2).fill(0)", [0, 0]), ("new Object()", {}),
        ("(123).toString()", "123"), ("ctx.args.n.toString()", "4"), ("'a'.toString()", "a"),
        ("Number.MAX_SAFE_INTEGER", 2**53 - 1), ("encodeURIComponent('a b') + isNaN(NaN)", "a%20btrue"),
        ("(() => { let n = 1; n = 2; n += 1; return n })()", 3),
        ("((n) => { n = 2; return n })(1)", 2),
        ("util.dynamodb.toMapValues({ a: 1 })", {"a": {"N": 1}}),
        ("[ctx.none === null, null === ctx.none, ctx.none !== null, undefined === null, ctx.args.n === null]",
         [True, True, False, True, False]),
        ("[ctx.prev === undefined, ctx.prev !== undefined, 0 === null, '' === undefined]",
         [True, False, False, False]),
    ],
)  # fmt: skip
def test_what_aws_accepts_is_accepted(evaluate: Evaluate, expression: str, value: object) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize("module", ["", "/dynamodb", "/rds", "/ai"])
def test_an_import_without_names_as_bundlers_leave_it_is_accepted(load: Load, module: str) -> None:
    script = load(f'import"@aws-appsync/utils{module}";function e(t){{return 1}}function n(t){{}}'
                  "export{e as request,n as response};")  # fmt: skip

    assert call(script).body["value"] == 1


def test_an_unknown_module_without_names_is_refused(load: Load) -> None:
    with pytest.raises(ApiInvalid, match=r"module 'lodash' does not exist at run time"):
        load(f'import "lodash";\n{HANDLERS}')
