"""The example of an existing API with jobs, in both forms, synthesised once per test run."""

import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.built_once import built_once
from tests.support.cdk_assembly import NODE_NEEDED, ROOT, node_is_missing, skip_without_lambdas_python
from tests.support.cloudformation import Template

EXAMPLE = ROOT / "examples" / "existing_api"


@dataclass(frozen=True)
class Library:
    """The templates, and what cdk-nag found: each rule with the path of the construct that breaks it."""

    into: Template
    beside: Template
    findings: frozenset[tuple[str, str]]


@pytest.fixture(scope="session")
def library(shared_folder: Path) -> Library:
    skip_without_lambdas_python()
    if node_is_missing():
        pytest.skip(NODE_NEEDED)
    folder = built_once(shared_folder / "library.out", synthesise)
    report = json.loads((folder / "validation-report.json").read_text())
    return Library(
        into=Template(folder / "library-into.template.json"),
        beside=Template(folder / "library-beside.template.json"),
        findings=frozenset(_findings(report)),
    )


def example() -> ModuleType:
    """The module of the example's app."""
    spec = importlib.util.spec_from_file_location("existing_api_example", EXAMPLE / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def synthesise(folder: Path) -> None:
    """Write the templates of both stacks into a folder, checked by cdk-nag."""
    os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "20"  # major versions of Node
    import aws_cdk as cdk
    from cdk_nag import AwsSolutionsChecks

    stacks = example()
    context = json.loads((EXAMPLE / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stacks.LibraryWithJobs(app, "library-into")
    stacks.MergedLibrary(app, "library-beside")
    with pytest.raises(RuntimeError):  # the library, which is not ours, breaks some rules
        app.synth()


def _findings(report: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {
        (str(violation["ruleName"]), construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    }
