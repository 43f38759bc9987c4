"""Code generators read the engine's introspection and the schema files alike, and what they write compiles."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query

from tests.support.node_packages import found, install, node_is_missing
from tests.support.small_apis import KEY, small_api

NODE = Path(__file__).resolve().parent / "node"
ROOT = NODE.parents[3]
SCHEMA = ROOT / "graphql" / "schema.graphql"
BUILT_IN = ROOT / "graphql" / "appsync.graphql"
DOCUMENTS = ROOT / "longcall" / "documents" / "*.graphql"

pytestmark = pytest.mark.skipif(node_is_missing() is not None, reason=node_is_missing() or "")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each generator and source, with what it wrote."""
    install(NODE)
    folder = tmp_path_factory.mktemp("codegen")
    for name in ("codegen-live", "codegen-files", "amplify-live", "amplify-files"):
        (folder / name).mkdir()
    asyncio.run(_generate_from_engine(folder))
    _node("graphql-codegen.mjs", folder / "codegen-files", DOCUMENTS, BUILT_IN, SCHEMA)
    _node("amplify-codegen.mjs", folder / "amplify-live", folder / "introspection.json")
    _node("amplify-codegen.mjs", folder / "amplify-files", SCHEMA)
    return folder


async def _generate_from_engine(folder: Path) -> None:
    api_folder = folder / "api"
    api_folder.mkdir()
    async with small_api(api_folder, SCHEMA.read_text(encoding="utf-8"), {}) as api:
        answer = await api.ask(get_introspection_query())
        (folder / "introspection.json").write_text(json.dumps(answer), encoding="utf-8")
        url = api.engine.graphql_url
        await asyncio.to_thread(_node, "graphql-codegen.mjs", folder / "codegen-live", DOCUMENTS, url)


def _node(*command: Any) -> None:
    done = subprocess.run(
        [found("node"), *map(str, command)], cwd=NODE, env={**os.environ, "API_KEY": KEY}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("generator", "files"),
    [("codegen", {"operations.ts"}), ("amplify", {"API.ts", "mutations.ts", "queries.ts", "subscriptions.ts"})],
)
def test_a_generator_writes_the_same_from_the_engine_and_from_the_files(
    generated: Path, generator: str, files: set[str]
) -> None:
    live, written = (
        {file.name: file.read_text(encoding="utf-8") for file in (generated / f"{generator}-{source}").iterdir()}
        for source in ("live", "files")
    )

    assert files <= live.keys() == written.keys()
    assert {name: live[name] for name in files} == {name: written[name] for name in files}
    assert any("OnInferenceStatusChangeSubscription = " in content for content in live.values())


def test_what_the_generators_write_compiles(generated: Path) -> None:
    files = [str(file) for file in generated.glob("*/*.ts")]
    options = ["--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler"]

    done = subprocess.run(
        [found("node"), "node_modules/typescript/bin/tsc", *options, *files], cwd=NODE, check=False,
        capture_output=True, text=True,
    )  # fmt: skip

    assert len(files) == 12
    assert (done.returncode, done.stdout) == (0, "")
