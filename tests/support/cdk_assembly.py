"""Three stages, packaged and synthesised once per test process, for the tests of infrastructure and local stack."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chalicelib.api.calls import Reporting
from infrastructure.bundle import LAMBDA_PYTHON, Package, build
from infrastructure.limits import UNRESERVED
from infrastructure.protection import RateRule, SignIn, ThreatProtection
from infrastructure.stage import OpenAIServer, SecondFactor, SignUp, Stage
from infrastructure.stages import DEV, PROD
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
    bedrock=(
        "us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a1b2c3d4e5f6",
    ),
    guardrail="g7h8:3",
    openai=OpenAIServer("https://models.example/v1", models=("openai/gpt-*",), secret="longcall/openai"),
)


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
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Chalice's package of the app."""
    skip_without_lambdas_python()
    return build(ROOT, tmp_path_factory.mktemp("package"), stage="dev")


@pytest.fixture(scope="session")
def archive(package: Package) -> Path:
    """The zip that is deployed."""
    return package.archive


@pytest.fixture(scope="session")
def archive_with_openai(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that is deployed to a stage with an OpenAI-compatible server."""
    skip_without_lambdas_python()
    folder = tmp_path_factory.mktemp("package-with-openai")
    return build(ROOT, folder, stage="keyed", requirements=KEYED.requirements).archive


@dataclass(frozen=True)
class Assembly:
    """CDK's output: templates by stage, and the findings of its validation plugins."""

    folder: Path
    templates: Mapping[str, Template]
    findings: str


@pytest.fixture(scope="session")
def assembly(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """All stages, checked by cdk-nag."""
    if node_is_missing():
        pytest.skip(NODE_NEEDED)
    os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "1"
    import aws_cdk as cdk
    from cdk_nag import AwsSolutionsChecks

    from infrastructure.stacks.service import ServiceStack

    folder = tmp_path_factory.mktemp("cdk.out")
    context = json.loads((ROOT / "infrastructure" / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stages: tuple[Stage, ...] = (DEV, PROD, KEYED)
    for stage in stages:
        ServiceStack(app, f"longcall-{stage.name}", root=ROOT, stage=stage, package=package)
    findings = ""
    try:
        app.synth()
    except RuntimeError as error:  # raised for findings, after everything was written
        findings = f"{error}\n{(folder / 'validation-report.json').read_text()}"
    templates = {stage.name: Template(folder / f"longcall-{stage.name}.template.json") for stage in stages}
    return Assembly(folder, templates, findings)


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
