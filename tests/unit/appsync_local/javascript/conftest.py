"""Fixtures: small code files, loaded and called."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsync_local.javascript.sandbox import Outcome
from appsync_local.javascript.script import Script

Load = Callable[[str], Script]
Evaluate = Callable[[str], Any]
CTX: dict[str, Any] = {
    "arguments": {"n": 4},
    "source": None,
    "identity": {"sub": "u"},
    "stash": {},
    "prev": None,
    "result": {"a": 1},
    "request": {"headers": {}},
    "info": {"fieldName": "f", "selectionSetList": ["id"], "selectionSetGraphQL": "{ id }"},
}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str) -> Script:
        path = tmp_path / "code.js"
        path.write_text(text, encoding="utf-8")
        return Script(path)

    return load


@pytest.fixture
def evaluate(load: Load) -> Evaluate:
    """Evaluates an expression in a request handler."""
    return lambda expression: call(load(file(f"return {expression};"))).body["value"]


def call(script: Script, **changes: Any) -> Outcome:
    return script.call("request", *parts(CTX | changes), "IAM Authorization")


def parts(ctx: dict[str, Any]) -> tuple[str, str]:
    """`ctx` in the two parts that a script receives: the own members and the shared ones."""
    shared = {"identity", "request", "env", "info"}
    own = {name: value for name, value in ctx.items() if name not in shared}
    return json.dumps(own), json.dumps({name: value for name, value in ctx.items() if name in shared})


def file(body: str) -> str:
    return (
        'import { util, runtime, extensions } from "@aws-appsync/utils";\n'
        'import * as ddb from "@aws-appsync/utils/dynamodb";\n'
        f"export function request(ctx) {{ {body} }}\n"
        "export function response(ctx) { return ctx.result; }\n"
    )
