"""Three stages, packaged and synthesised once per test run, for the tests of infrastructure and local stack."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from chalicelib.api.calls import Reporting
from infrastructure.bundle import LAMBDA_PYTHON, Package, build
from infrastructure.limits import UNRESERVED
from infrastructure.protection import RateRule, SignIn, ThreatProtection
from infrastructure.stage import OpenAIServer, SecondFactor, SignUp, Stage
from infrastructure.stages import DEV, PROD
from tests.support.built_once import built_once
from tests.support.cloudformation import Template

ROOT = Path(__file__).resolve().parents[2]
NODE_NEEDED = "Node 20 or newer is needed for CDK"
KEYED = replace(
    DEV,
    name="keyed",
    reporting=Reporting.API_KEY,
    second_factor=SecondFactor.OPTIONAL,
    sign_up=SignUp.ANYBODY,
    sign_in=SignIn(threat_protection=ThreatProtection.ENFORCED),
    waf=RateRule(requests=500, seconds=60),
    quota=3,
    jobs=4,
    reserved=UNRESERVED,
    flush_seconds=0.25,
    console=True,
    bedrock=(
        "us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a1b2c3d4e5f6",
    ),
    guardrail="g7h8:3",
    openai=OpenAIServer("https://models.example/v1", models=("openai/gpt-*",), secret="longcall/openai"),
)

STAGES: Final[tuple[Stage, ...]] = (DEV, PROD, KEYED)


def node_is_missing() -> bool:
    """Return whether Node, which CDK needs, is missing or too old."""
    node = shutil.which("node")
    if node is None:
        return True
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    return int(version.removeprefix("v").split(".")[0]) < 20


def skip_without_lambdas_python() -> None:
    """Skip a test of the zip where another Python runs, because only the Python of the functions can build it."""
    if sys.version_info[:2] != LAMBDA_PYTHON:
        pytest.skip("the zip is built by Python {}.{} only".format(*LAMBDA_PYTHON))


@pytest.fixture(scope="session")
def package(shared_folder: Path) -> Package:
    """Chalice's package of the app."""
    skip_without_lambdas_python()
    return package_in(shared_folder / "package", stage="dev", requirements=DEV.requirements)


@pytest.fixture(scope="session")
def archive(package: Package) -> Path:
    """The zip that is deployed."""
    return package.archive


@pytest.fixture(scope="session")
def archive_with_openai(shared_folder: Path) -> Path:
    """The zip that is deployed to a stage with an OpenAI-compatible server."""
    skip_without_lambdas_python()
    return package_in(shared_folder / "package-with-openai", stage="keyed", requirements=KEYED.requirements).archive


def package_in(folder: Path, *, stage: str, requirements: str) -> Package:
    """The package in a folder of the test run, built by the first worker that asks for it."""

    def write(into: Path) -> None:
        built = build(ROOT, into, stage=stage, requirements=requirements)
        (into / "functions.json").write_text(json.dumps(built.sam_template))

    built_once(folder, write)
    return Package(folder / "deployment.zip", json.loads((folder / "functions.json").read_text()))


@dataclass(frozen=True)
class Assembly:
    """CDK's output: templates by stage, and the findings of its validation plugins."""

    folder: Path
    templates: Mapping[str, Template]
    findings: str


@pytest.fixture(scope="session")
def assembly(package: Package, shared_folder: Path) -> Assembly:
    """All stages, checked by cdk-nag."""
    if node_is_missing():
        pytest.skip(NODE_NEEDED)
    findings = shared_folder / "cdk-findings.txt"
    folder = built_once(shared_folder / "cdk.out", lambda into: findings.write_text(synthesise(package, into)))
    templates = {stage.name: Template(folder / f"longcall-{stage.name}.template.json") for stage in STAGES}
    return Assembly(folder, templates, findings.read_text())


def synthesise(package: Package, folder: Path) -> str:
    """Write the templates of all stages into a folder, and return what the validation plugins found."""
    os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "20"  # major versions of Node
    import aws_cdk as cdk
    from cdk_nag import AwsSolutionsChecks

    from infrastructure.stacks.service import ServiceStack

    context = json.loads((ROOT / "infrastructure" / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for stage in STAGES:
        ServiceStack(app, f"longcall-{stage.name}", root=ROOT, stage=stage, package=package)
    try:
        app.synth()
    except RuntimeError as error:  # raised for findings, after everything was written
        return f"{error}\n{(folder / 'validation-report.json').read_text()}"
    return ""


@pytest.fixture(scope="session")
def dev(assembly: Assembly) -> Template:
    return assembly.templates["dev"]


@pytest.fixture(scope="session")
def prod(assembly: Assembly) -> Template:
    return assembly.templates["prod"]


@pytest.fixture(scope="session")
def keyed(assembly: Assembly) -> Template:
    """A stage whose worker reports with an API key, and that differs from the others in every other option."""
    return assembly.templates["keyed"]
