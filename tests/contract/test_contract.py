"""Schema, wiring, code files, handlers and the enums of both packages agree."""

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
from chalicelib.publisher.mutations import mutation
from infrastructure.api import API
from infrastructure.constructs.schema import for_modes
from tests.contract.conftest import ROOT
from tests.contract.jobs import opened

SCHEMA_TEXT = (ROOT / "graphql" / "schema.graphql").read_text()
SCHEMA = parse(SCHEMA_TEXT)
SCALARS = "scalar AWSJSON scalar AWSURL scalar AWSDateTime\n"  # AppSync supplies them
TYPES: dict[str, Any] = {node.name.value: node for node in SCHEMA.definitions if isinstance(node, TypeDefinitionNode)}


def fields_of(name: str) -> list[str]:
    return [field.name.value for field in TYPES[name].fields]


def enum(name: str) -> list[str]:
    return [value.name.value for value in TYPES[name].values]


def handlers() -> set[str]:
    return set(re.findall(r'@app\.lambda_function\(name="(\w+)"\)', (ROOT / "app.py").read_text()))


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
        "output", "outputOmitted", "resultUrl", "claimed", "checkpoint", "audience"
    }  # fmt: skip


@pytest.mark.parametrize("document", ["update_status", "dispatch_inference", "claim_job"])
def test_a_worker_with_a_key_may_read_all_that_it_selects(document: str) -> None:
    modes = (*API.modes, AuthMode.API_KEY)
    schema = build_ast_schema(parse(SCALARS + for_modes(SCHEMA_TEXT, modes)), assume_valid_sdl=True)
    rules = rules_of(schema, modes)
    selected: set[str] = set()
    types = TypeInfo(schema)

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            selected.add(f"{types.get_parent_type()}.{node.name.value}")

    visit(mutation(document, "").request.document, TypeInfoVisitor(types, Fields()))

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
