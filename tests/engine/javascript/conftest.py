"""Code files made of a few words, loaded and called."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsync_local.javascript.script import Outcome, Script

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
    """The value of an expression in a request handler."""
    return lambda expression: call(load(file(f"return {expression};"))).body["value"]


def call(script: Script, **changes: Any) -> Outcome:
    return script.call("request", json.dumps(CTX | changes).encode(), "IAM Authorization")


def file(body: str) -> str:
    return (
        'import { util, runtime, extensions } from "@aws-appsync/utils";\n'
        'import * as ddb from "@aws-appsync/utils/dynamodb";\n'
        f"export function request(ctx) {{ {body} }}\n"
        "export function response(ctx) { return ctx.result; }\n"
    )
