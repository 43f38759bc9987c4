"""Fixtures: small templates, rendered with a context."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsync_local.javascript.sandbox import Outcome
from appsync_local.velocity.templates import Around, TemplatePair

Run = Callable[..., Outcome]
Render = Callable[[str], Any]
ARGUMENTS = {
    "n": 2,
    "word": "abc",
    "map": {"p": 1, "q": 2},
    "list": [3, 4],
    "yes": True,
    "nothing": None,
    "table-2b-dev": "t",
}
CTX: dict[str, Any] = {
    "arguments": ARGUMENTS,
    "source": {"id": "s1"},
    "identity": {"sub": "u", "claims": {"cognito:groups": ["admin"]}},
    "stash": {},
    "prev": None,
    "result": {"a": 1},
    "request": {"headers": {"x-forwarded-for": "1.2.3.4"}},
    "env": {"TABLE": "notes"},
    "info": {"fieldName": "f", "selectionSetList": ["id"], "selectionSetGraphQL": "{ id }"},
}


@pytest.fixture
def pair(tmp_path: Path) -> Callable[[str], TemplatePair]:
    """Loads a response template."""

    def load(text: str) -> TemplatePair:
        path = tmp_path / "Query.note.response.vtl"
        path.write_text(text, encoding="utf-8")
        return TemplatePair(None, path, Around.PIPELINE, "Query.note")

    return load


@pytest.fixture
def run(pair: Callable[[str], TemplatePair]) -> Run:
    """Runs a response template, with changes of the context."""

    def run(text: str, **changes: Any) -> Outcome:
        ctx = CTX | changes
        shared = {name: ctx[name] for name in ("identity", "request", "env", "info")}
        own = {name: value for name, value in ctx.items() if name not in shared}
        return pair(text).call("response", json.dumps(own), json.dumps(shared), "IAM Authorization")

    return run


@pytest.fixture
def value(run: Run) -> Render:
    """The value of a template whose output is JSON."""

    def value(text: str) -> Any:
        outcome = run(text)
        assert outcome.kind == "value", outcome.body
        return outcome.body["value"]

    return value


@pytest.fixture
def render(run: Run) -> Callable[[str], str]:
    """The text that a template writes: the message about output that is not JSON contains it."""

    def render(text: str) -> str:
        message: str = run(f"|{text}").body["message"]
        return message.removeprefix("Unable to convert |").removesuffix(" to Object.")

    return render


@pytest.fixture
def failure(run: Run) -> Callable[[str], tuple[str, str]]:
    """Type and message of the error in which a template ends."""

    def failure(text: str) -> tuple[str, str]:
        outcome = run(text)
        assert outcome.kind == "error", outcome.body
        return outcome.body["type"], outcome.body["message"]

    return failure
