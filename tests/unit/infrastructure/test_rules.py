"""The findings of cfn-lint, before and after SAM expands the template, and of cdk-nag."""

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]  # it has no types
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]  # it has no types

from tests.support.cdk_assembly import KEYED, Assembly
from tests.support.cloudformation import Template

REGION = "us-east-1"
# Resources that CDK makes by itself, and that no setting of the stack changes.
LIBRARY = ("CustomS3AutoDeleteObjectsCustomResourceProvider", "CustomCDKBucketDeployment")
ACKNOWLEDGED = {
    "AwsSolutions-ASC3", "AwsSolutions-CFR1", "AwsSolutions-CFR2", "AwsSolutions-CFR3", "AwsSolutions-CFR4",
    "AwsSolutions-COG2", "AwsSolutions-COG8", "AwsSolutions-IAM5", "AwsSolutions-L1", "AwsSolutions-S1",
    "AwsSolutions-SQS3",
}  # fmt: skip


def findings(body: str) -> list[str]:
    matches = lint(body, config=ManualArgs(regions=[REGION]))
    return [
        f"{match.rule.id} {match.message} {match.path}"
        for match in matches
        if not (match.rule.severity == "warning" and str(match.path[1]).startswith(LIBRARY))
    ]


@pytest.fixture(scope="module")
def expanded(keyed: Template) -> dict[str, Any]:
    """What CloudFormation deploys: the functions of the template as SAM expands them."""
    from samtranslator.translator.transform import transform  # type: ignore[import-untyped]  # it has no types

    class NoPolicies:
        def load(self) -> dict[str, str]:
            return {}

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        body = json.loads(keyed.path.read_text())
        result: dict[str, Any] = transform(body, {}, NoPolicies())
    return result


def test_production_is_a_good_template(prod: Template) -> None:
    assert findings(prod.path.read_text()) == []


def test_what_sam_makes_of_it_is_a_good_template_without_a_cycle(expanded: dict[str, Any]) -> None:
    assert findings(json.dumps(expanded)) == []


def test_sam_leaves_the_functions_as_the_stack_set_them(keyed: Template, expanded: dict[str, Any]) -> None:
    functions = {
        name: it["Properties"]
        for name, it in expanded["Resources"].items()
        if it["Type"] == "AWS::Lambda::Function" and not name.startswith(LIBRARY)
    }

    assert functions.keys() == keyed.of_type("AWS::Serverless::Function").keys()
    for name, asked in keyed.of_type("AWS::Serverless::Function").items():
        for setting in ("Role", "Timeout", "MemorySize", "LoggingConfig", "Environment", "Runtime", "Handler"):
            assert functions[name][setting] == asked[setting]
        assert functions[name]["TracingConfig"] == {"Mode": "Active"}
    assert functions["Inference"]["ReservedConcurrentExecutions"] == KEYED.jobs


def test_cdk_nag_has_nothing_to_say_of_any_stage(assembly: Assembly) -> None:
    assert assembly.findings == ""


def test_each_exception_from_its_rules_says_why(assembly: Assembly) -> None:
    told: dict[str, set[str]] = {}
    for file in Path(assembly.folder).glob("*.metadata.json"):
        for entry in _entries(json.loads(file.read_text())):
            for rule, reason in entry["data"].items():
                told.setdefault(rule.split("::")[1].split("[")[0], set()).add(reason)

    assert told.keys() == ACKNOWLEDGED
    assert all(len(reason) > 40 for reasons in told.values() for reason in reasons)


def _entries(value: Any) -> list[dict[str, Any]]:
    """Every object, at any depth, whose `type` is that of an acknowledgement."""
    if isinstance(value, dict):
        own = [value] if value.get("type") == "aws:cdk:acknowledged-rules" else []
        return own + [entry for it in value.values() for entry in _entries(it)]
    if isinstance(value, list):
        return [entry for it in value for entry in _entries(it)]
    return []
