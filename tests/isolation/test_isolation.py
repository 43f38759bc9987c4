"""Nobody sees or changes another's job: every field, mode, kind of caller and state of a job; and what finds a hole."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from graphql import ObjectTypeDefinitionNode, parse

from infrastructure.backend_fields import backend_fields
from tests.isolation.breaks import BREAKS, LAYERS, Break, broken_tree, lost_directives
from tests.isolation.matrix import FEW_KINDS, FEW_STATES, SPECIAL, Matrix
from tests.isolation.questions import questions, subscriptions
from tests.isolation.world import running_world

PROJECT = Path(__file__).resolve().parents[2]
GRAPHQL = PROJECT / "graphql"
SCHEMA = (GRAPHQL / "schema.graphql").read_text()
DENIED = backend_fields(SCHEMA)


async def violations_of(it: Break, tmp_path: Path) -> list[str]:
    """What the matrix finds in the broken product. Broken handlers run in a process of their own."""
    tree, folder = tmp_path / "tree", tmp_path / "log"
    folder.mkdir()
    broken_tree(it, PROJECT, tree)
    if not it.is_python:
        async with running_world(tree / "graphql", folder, denied_fields=DENIED) as world:
            return [str(found) for found in await Matrix(world, GRAPHQL, FEW_STATES, FEW_KINDS, enough=1).run()]
    command = [sys.executable, "-m", "tests.isolation", str(tree), *(() if it.denies else ("--without-denials",))]
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    found: list[str] = json.loads(output)["violations"]
    return found


async def test_nobody_sees_or_changes_anothers_job(tmp_path: Path) -> None:
    async with running_world(GRAPHQL, tmp_path, denied_fields=DENIED) as world:
        matrix = Matrix(world, GRAPHQL)

        violations = await matrix.run()

    assert [str(it) for it in violations] == []
    assert matrix.cells >= 1000


def test_every_field_of_the_schema_is_asked_and_a_job_is_named_where_it_can_be() -> None:
    asked = {it.field: it.names_a_job for it in (*questions(GRAPHQL, SPECIAL), *subscriptions(GRAPHQL))}
    roots = (it for it in parse(SCHEMA).definitions if isinstance(it, ObjectTypeDefinitionNode))
    fields = {
        f"{root.name.value}.{field.name.value}"
        for root in roots
        if root.name.value in ("Query", "Mutation", "Subscription")
        for field in root.fields or ()
    }

    assert asked.keys() == fields
    assert {name for name, names in asked.items() if not names} == {
        "Query.listInferences", "Query.listModels", "Query.quoteInference", "Mutation.createUpload",
        "Subscription.onMyInferences",
    }  # fmt: skip


@pytest.mark.parametrize("it", BREAKS, ids=lambda it: it.name)
async def test_the_matrix_finds_what_is_missing(it: Break, tmp_path: Path) -> None:
    assert await violations_of(it, tmp_path) != []


@pytest.mark.parametrize("it", LAYERS, ids=lambda it: it.name)
async def test_another_layer_refuses_where_one_is_lost(it: Break, tmp_path: Path) -> None:
    assert await violations_of(it, tmp_path) == []


@pytest.mark.parametrize("it", lost_directives(SCHEMA), ids=lambda it: it.name)
async def test_the_matrix_finds_a_directive_that_is_missing(it: Break, tmp_path: Path) -> None:
    assert await violations_of(it, tmp_path) != []
