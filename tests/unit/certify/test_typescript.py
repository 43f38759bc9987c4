"""Watchers in TypeScript, as far as they need no stack."""

from pathlib import Path

import pytest

from certify.scenarios import job_plans
from certify.typescript import Node, TypeScriptError, TypeScriptMissing, TypeScriptWatcher, build
from tests.support.node_packages import node_is_missing
from tests.unit.certify.jobs import CAMPAIGN


def test_build_says_that_node_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(TypeScriptMissing, match="Node 20 or newer is not installed"):
        build(tmp_path / "watcher.js")


async def test_watcher_raises_when_its_node_has_ended(tmp_path: Path) -> None:
    if missing := node_is_missing():
        pytest.skip(missing)
    program = tmp_path / "watcher.js"
    program.write_text("process.exit(1);")

    async with Node.running(program, "http://127.0.0.1:1/graphql") as node:
        watcher = TypeScriptWatcher(node, NoTokens(), on_heal=lambda _: None)
        with pytest.raises(TypeScriptError) as raised:
            await anext(watcher.follow("123e4567-e89b-42d3-a456-426614174000"))

    assert raised.value.error_type == "NodeEnded"


def test_half_of_the_further_watchers_may_run_the_typescript_client() -> None:
    plans = [plan for plan in job_plans(CAMPAIGN) if not plan.is_recorded]

    chosen = [plan.may_be_typescript(number) for plan in plans for number in (1, 2)]

    assert chosen.count(True) == len(plans)


class NoTokens:
    """A token provider that is not asked."""

    async def __call__(self) -> str:
        raise AssertionError

    def forget(self, token: str) -> None:
        raise AssertionError(token)
