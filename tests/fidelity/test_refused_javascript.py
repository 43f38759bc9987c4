"""Items of the checklist about code that AppSync refuses: an engine with such code does not start."""

from pathlib import Path

import pytest

from appsync_local import Engine
from appsync_local.api.model import Api, AuthMode, NoneSource, UnitResolver
from appsync_local.errors import ApiInvalid
from tests.support.engine_doubles import RecordingInvoker

ECHO = Api(
    modes=(AuthMode.API_KEY,),
    authorizer=None,
    sources=(NoneSource("Nothing"),),
    functions=(),
    resolvers=(UnitResolver("Query.echo", "Nothing"),),
)


def start(folder: Path, body: str) -> Engine:
    (folder / "resolvers").mkdir()
    (folder / "functions").mkdir()
    (folder / "schema.graphql").write_text("type Query { echo(text: String): String }\n", encoding="utf-8")
    (folder / "resolvers" / "Query.echo.js").write_text(
        f"export function request(ctx) {{\n  {body}\n}}\nexport function response(ctx) {{ return ctx.result; }}\n",
        encoding="utf-8",
    )
    return Engine(
        api=ECHO, schema=folder / "schema.graphql", code=folder, invoker=RecordingInvoker(), handlers=frozenset()
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("const f = async () => 1;", r"2:13: async functions are not supported"),
        ("try { ctx.x.y } catch (e) {}", r"2:3: `try` is not supported"),
        ("return { payload: /a/ };", r"2:21: regular expression literals are not supported"),
        ("while (true) {}", r"2:3: `while` is not supported"),
    ],
)
def test_c89_code_that_appsync_refuses_is_refused_when_it_is_loaded(tmp_path: Path, body: str, reason: str) -> None:
    with pytest.raises(ApiInvalid, match=rf"resolvers/Query\.echo\.js:{reason}"):
        start(tmp_path, body)


def test_c89_code_beyond_32_kilobytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ApiInvalid, match=r"AppSync accepts at most 32768 bytes of code"):
        start(tmp_path, f"return {{ payload: '{'x' * 32_768}' }};")


def test_code_within_the_language_is_served(tmp_path: Path) -> None:
    assert start(tmp_path, "return { payload: ctx.args.text };").served.api.resolvers.keys() == {"Query.echo"}
