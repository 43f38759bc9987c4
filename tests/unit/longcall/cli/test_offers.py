"""`longcall models`: in a pipe, as JSON, and as tables."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console, RenderableType

from longcall import Client, LambdaToken, Model, ModelOption, ProtocolError, display
from longcall.cli.exits import ExitCode
from tests.unit.longcall.appsync import AppSync
from tests.unit.longcall.cli.stack import Stack
from tests.unit.longcall.cli.test_commands import longcall
from tests.unit.longcall.conftest import SHORT, token

STORY: dict[str, Any] = {
    "name": "simulated.story", "pattern": None, "description": "A made-up story.", "priced": True,
    "options": [
        {"name": "system", "type": "TEXT", "description": "Instructions.", "minimum": None, "maximum": 16384.0,
         "default": None},
        {"name": "maxTokens", "type": "INTEGER", "description": "The length.", "minimum": 1.0, "maximum": None,
         "default": "200"},
        {"name": "temperature", "type": "NUMBER", "description": "Randomness.", "minimum": 0.0, "maximum": 2.5,
         "default": None},
    ],
}  # fmt: skip
OTHER: dict[str, Any] = {
    "name": "openai/llama3.2", "pattern": "openai/*", "description": "A server.\x1b[2J", "priced": False,
    "options": [],
}  # fmt: skip
PARSED = Model(
    "simulated.story", None, "A made-up story.", is_priced=True,
    options=(
        ModelOption("system", "TEXT", "Instructions.", None, 16384.0, None),
        ModelOption("maxTokens", "INTEGER", "The length.", 1.0, None, 200),
        ModelOption("temperature", "NUMBER", "Randomness.", 0.0, 2.5, None),
    ),
)  # fmt: skip


def shown(table: RenderableType) -> list[str]:
    console = Console(file=io.StringIO(), width=60, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return [row.rstrip() for row in capture.get().splitlines()]


async def test_client_returns_the_models_and_their_options(service: AppSync, client: Client) -> None:
    service.models = [STORY]

    assert await client.models() == (PARSED,)


@pytest.mark.parametrize("wrong", [[{"name": "x"}], [{**STORY, "options": [{"name": 1}]}], [None]])
async def test_models_that_cannot_be_read_are_a_clear_error(service: AppSync, wrong: list[Any]) -> None:
    service.models = wrong
    async with Client(service.url, authorization=LambdaToken(token), timing=SHORT) as client:
        with pytest.raises(ProtocolError, match="expected a list of models"):
            await client.models()


async def test_pipe_gets_one_row_for_each_model(stack: Stack) -> None:
    stack.api.models = [STORY, OTHER]

    ended = await longcall("models", cwd=stack.folder)

    assert (ended.code, ended.err) == (ExitCode.OK, "")
    assert ended.out.decode().splitlines() == [
        "simulated.story\t\tsystem,maxTokens,temperature\tA made-up story.",
        "openai/llama3.2\topenai/*\t\tA server.\\x1b[2J",
    ]


@pytest.mark.parametrize(("name", "found"), [("simulated.story", "simulated.story"), ("openai/x", "openai/llama3.2")])
async def test_one_model_is_found_by_its_name_or_by_a_pattern(stack: Stack, name: str, found: str) -> None:
    stack.api.models = [OTHER, {**OTHER, "name": "amazon.x", "pattern": "*"}, STORY]

    ended = await longcall("models", name, "--json", cwd=stack.folder)

    (row,) = ended.rows
    assert row["name"] == found
    assert json.loads(ended.out)["priced"] is (found == "simulated.story")


async def test_unknown_model_is_a_clear_error(stack: Stack) -> None:
    stack.api.models = [STORY, {**OTHER, "name": "amazon.x", "pattern": "*"}]

    ended = await longcall("models", "simulated.stroy", cwd=stack.folder)

    assert ended.code == ExitCode.USAGE
    assert "the API runs no model named simulated.stroy; `longcall models` lists those that it runs" in ended.sentence


def test_tables_fit_sixty_cells_and_name_the_options_of_the_command_line() -> None:
    other = Model("openai/llama3.2", "openai/*", "A server.", is_priced=False, options=())

    assert shown(display.models_table([PARSED, other])) == [
        "model            what it does",
        "simulated.story  A made-up story.",
        "openai/llama3.2  A server. Other names: openai/*",
    ]
    assert shown(display.options_table(PARSED)) == [
        "--system       at most 16,384 bytes    Instructions.",
        "--max-tokens   1 or more, default 200  The length.",
        "--temperature  0 to 2.5                Randomness.",
    ]


def test_option_of_a_newer_api_is_shown_by_its_name() -> None:
    newer = replace(PARSED, options=(ModelOption("seed", "SEED", "New.", None, None, None),))

    assert shown(display.options_table(newer)) == ["seed    New."]
