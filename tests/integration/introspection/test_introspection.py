"""The engine's introspection, and the schema files, read by old and new generations of the GraphQL libraries."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from graphql import build_client_schema, build_schema, get_introspection_query, introspection_from_schema

from appsync_local.api.schema import load_schema
from tests.support.node_packages import found, install, node_is_missing
from tests.support.small_apis import small_api

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
SCHEMA = ROOT / "graphql" / "schema.graphql"
BUILT_IN = ROOT / "graphql" / "appsync.graphql"
OLD_CORES = ("3.2.3", "3.2.10")


@pytest.fixture(scope="module")
def introspection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the engine answers to the newest introspection query, in a file."""
    folder = tmp_path_factory.mktemp("introspection")

    async def ask() -> Any:
        async with small_api(folder, SCHEMA.read_text(encoding="utf-8"), {}) as api:
            return await api.ask(get_introspection_query(input_value_deprecation=True))

    file = folder / "introspection.json"
    answer = asyncio.run(ask())
    assert "errors" not in answer
    file.write_text(json.dumps(answer["data"]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def query_fields() -> list[str]:
    schema = load_schema(SCHEMA)
    assert schema.query_type is not None
    return list(schema.query_type.fields)


def test_the_current_graphql_core_reads_it(introspection: Path, query_fields: list[str]) -> None:
    schema = build_client_schema(json.loads(introspection.read_text(encoding="utf-8")))

    assert schema.query_type is not None
    assert list(schema.query_type.fields) == query_fields


@pytest.mark.parametrize("version", OLD_CORES)
def test_an_old_graphql_core_reads_it(introspection: Path, query_fields: list[str], version: str) -> None:
    folder = HERE / "node_modules" / f"graphql-core-{version}"  # a folder that no tool reads as source
    if not folder.exists():
        arguments = ["install", "--quiet", "--no-deps", "--target", str(folder), f"graphql-core=={version}"]
        subprocess.run([sys.executable, "-m", "pip", *arguments], check=True, capture_output=True)

    done = subprocess.run(
        [sys.executable, str(HERE / "old_core.py"), str(introspection)],
        check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip

    assert json.loads(done.stdout) == {"version": version, "fields": query_fields}


@pytest.mark.skipif(node_is_missing() is not None, reason=node_is_missing() or "")
@pytest.mark.parametrize("generation", [15, 16, 17])
def test_a_generation_of_graphql_js_reads_it_and_the_schema_files(
    introspection: Path, query_fields: list[str], generation: int
) -> None:
    install(HERE / "node")

    done = subprocess.run(
        [found("node"), "read.mjs", f"graphql-{generation}", str(introspection), str(BUILT_IN), str(SCHEMA)],
        cwd=HERE / "node", check=True, capture_output=True, text=True,
    )  # fmt: skip

    read = json.loads(done.stdout)
    assert (read["described"], read["written"]) == (query_fields, query_fields)


def test_the_schema_files_alone_are_a_whole_schema(query_fields: list[str]) -> None:
    schema = build_schema(BUILT_IN.read_text(encoding="utf-8") + SCHEMA.read_text(encoding="utf-8"))

    assert introspection_from_schema(schema)
    assert schema.query_type is not None
    assert list(schema.query_type.fields) == query_fields


def test_the_file_for_tools_is_what_the_engine_declares() -> None:
    own = ROOT / "appsync_local" / "api" / "appsync.graphql"

    assert BUILT_IN.read_bytes() == own.read_bytes()
