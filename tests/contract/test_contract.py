"""Schema, wiring, code files, handlers and the enums of both packages agree."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    TypeDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_ast_schema,
    parse,
    visit,
)

from appsync_local.api.check import check
from appsync_local.api.model import AuthMode
from appsync_local.authorization.directives import rules_of
from chalicelib.api.payloads.answers import render_job
from chalicelib.jobs import model as jobs
from infrastructure.api import API
from infrastructure.constructs.schema import for_modes
from tests.contract.conftest import ROOT
from tests.contract.jobs import opened

SCHEMA_TEXT = (ROOT / "graphql" / "schema.graphql").read_text()
SCHEMA = parse(SCHEMA_TEXT)
SCALARS = "scalar AWSJSON scalar AWSURL scalar AWSDateTime\n"  # AppSync supplies them
TYPES: dict[str, Any] = {node.name.value: node for node in SCHEMA.definitions if isinstance(node, TypeDefinitionNode)}
ARROWS = {
    "chalicelib": {"chalicelib"},
    "longcall": {"longcall"},
    "appsync_local": {"appsync_local"},
    "infrastructure/api.py": {"appsync_local"},
    "app.py": {"chalicelib"},
}
PURE = (
    "chalicelib/jobs/model.py",
    "infrastructure/api.py",
    "appsync_local/realtime/subscription_registry.py",
    "appsync_local/realtime/protocol.py",
    "longcall/view.py",
    "longcall/display",
    "longcall/faults.py",
    "longcall/parsing.py",
    "longcall/realtime/messages.py",
    "longcall/realtime/protocol.py",
)
IO_LIBRARIES = {
    "aiohttp",
    "asyncio",
    "boto3",
    "botocore",
    "chalice",
    "gql",
    "http",
    "os",
    "socket",
    "sqlite3",
    "urllib",
}
OURS = {"app", "appsync_local", "chalicelib", "infrastructure", "local_stack", "longcall"}


def fields_of(name: str) -> list[str]:
    return [field.name.value for field in TYPES[name].fields]


def enum(name: str) -> list[str]:
    return [value.name.value for value in TYPES[name].values]


def handlers() -> set[str]:
    return set(re.findall(r'@app\.lambda_function\(name="(\w+)"\)', (ROOT / "app.py").read_text()))


def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def python_files(place: str) -> list[Path]:
    return (
        [ROOT / place]
        if place.endswith(".py")
        else [path for path in sorted((ROOT / place).rglob("*.py")) if "node_modules" not in path.parts]
    )


def test_the_wiring_fits_schema_files_and_handlers() -> None:
    graphql = ROOT / "graphql"
    fields = {f"{name}.{field}" for name in ("Query", "Mutation", "Subscription") for field in fields_of(name)}
    files = {path.relative_to(graphql).as_posix() for path in graphql.rglob("*.js")}

    check(API, fields=fields, files=files, handlers=handlers())

    assert {resolver.field for resolver in API.resolvers} == fields, "a field without a resolver would answer null"


def test_every_type_and_field_has_a_description() -> None:
    for name, node in TYPES.items():
        assert node.description, name
        for member in getattr(node, "fields", None) or node.values:
            assert member.description, f"{name}.{member.name.value}"


@pytest.mark.parametrize("name", ["Status", "ErrorType", "Role"])
def test_the_schemas_words_are_those_of_the_handlers(name: str) -> None:
    assert enum(name) == [member.value for member in getattr(jobs, name)]


def test_what_the_relay_renders_are_fields_of_the_schema() -> None:
    rendered = set(render_job(opened()))

    assert rendered == set(fields_of("InferenceStatus")) - {
        "output", "outputOmitted", "resultUrl", "claimed", "checkpoint"
    }  # fmt: skip


@pytest.mark.parametrize("place", ARROWS)
def test_imports_go_one_way(place: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in python_files(place)
        for line, name in imports(path)
        if name.partition(".")[0] in OURS
        and not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ARROWS[place])
    ]

    assert wrong == []


@pytest.mark.parametrize("place", PURE)
def test_pure_modules_import_no_input_or_output(place: str) -> None:
    wrong = [
        f"{place}:{line} imports {name}"
        for path in python_files(place)
        for line, name in imports(path)
        if name.partition(".")[0] in IO_LIBRARIES
    ]

    assert wrong == []


def test_only_the_app_its_debug_routes_and_the_constructs_import_chalice() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for place in ("chalicelib", "longcall", "appsync_local", "infrastructure", "local_stack")
        for path in python_files(place)
        for line, name in imports(path)
        if name.partition(".")[0] == "chalice" and "constructs" not in path.parts and path.name != "debug.py"
    ]

    assert wrong == []


@pytest.mark.parametrize("document", ["update_status", "dispatch_inference"])
def test_a_worker_with_a_key_may_read_all_that_it_selects(document: str) -> None:
    modes = (*API.modes, AuthMode.API_KEY)
    schema = build_ast_schema(parse(SCALARS + for_modes(SCHEMA_TEXT, modes)), assume_valid_sdl=True)
    rules = rules_of(schema, modes)
    selected: set[str] = set()
    types = TypeInfo(schema)

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            selected.add(f"{types.get_parent_type()}.{node.name.value}")

    mutation = parse((ROOT / "chalicelib" / "publisher" / "documents" / f"{document}.graphql").read_text())
    visit(mutation, TypeInfoVisitor(types, Fields()))

    assert "CostItem.amount" in selected
    assert [field for field in sorted(selected) if AuthMode.API_KEY not in rules[field]] == []


def test_operators_are_told_what_each_kind_of_failure_means() -> None:
    told = (ROOT / "docs" / "operating.md").read_text().partition("## What each `errorType` means")[2]

    assert re.findall(r"^\| `([A-Z_]+)` \|", told, re.MULTILINE) == enum("ErrorType")


def test_operators_are_told_of_every_event_that_the_handlers_log() -> None:
    told = (ROOT / "docs" / "operating.md").read_text().partition("## Logs")[2].partition("\n## ")[0]
    code = "".join(path.read_text() for path in python_files("chalicelib"))
    logged = set(re.findall(r'(?:"event": |_report\()"([a-z_]+)"', code))

    assert set(re.findall(r"^\| `([a-z_]+)` \|", told, re.MULTILINE)) - {"event"} == logged
