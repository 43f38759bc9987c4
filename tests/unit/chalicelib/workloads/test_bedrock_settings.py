"""The worker's settings for Amazon Bedrock."""

import pytest

from chalicelib.jobs.errors import MissingSettings
from chalicelib.workloads.bedrock.settings import AwsLogin, BedrockSettings, Guardrail


def test_on_aws_bedrock_is_the_functions_own_regions_and_called_by_its_role() -> None:
    settings = BedrockSettings.from_environment({"AWS_REGION": "eu-west-1"})

    assert settings == BedrockSettings("eu-west-1", None, False, None, None, 120.0)


def test_bedrock_may_be_elsewhere_and_called_by_somebody_else() -> None:
    environment = {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "the role's",
        "LONGCALL_BEDROCK": "http://127.0.0.1:4901",
        "LONGCALL_BEDROCK_REGION": "us-west-2",
        "LONGCALL_BEDROCK_PROFILE": "work",
        "LONGCALL_MODEL_SILENCE_SECONDS": "5",
    }

    settings = BedrockSettings.from_environment(environment)

    login = AwsLogin("work", None, None, None)
    assert settings == BedrockSettings("us-west-2", "http://127.0.0.1:4901", False, login, None, 5.0)


def test_the_secrets_of_a_login_are_not_shown() -> None:
    shown = repr(AwsLogin(None, "AKIDEXAMPLE", "a secret key", "a secret token"))

    assert "AKIDEXAMPLE" in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("text", "guardrail"),
    [
        ("a1b2c3:7", Guardrail("a1b2c3", "7")),
        ("a1b2c3:DRAFT", Guardrail("a1b2c3", "DRAFT")),
        (
            "arn:aws:bedrock:us-east-1:123456789012:guardrail/a1b2c3:1",
            Guardrail("arn:aws:bedrock:us-east-1:123456789012:guardrail/a1b2c3", "1"),
        ),
    ],
)
def test_a_guardrail_is_an_id_or_an_arn_with_a_version(text: str, guardrail: Guardrail) -> None:
    assert BedrockSettings.from_environment({"AWS_REGION": "r", "LONGCALL_GUARDRAIL": text}).guardrail == guardrail


@pytest.mark.parametrize("text", ["a1b2c3", "a1b2c3:", "a1b2c3:latest", ":1", "A1:1"])
def test_a_guardrail_without_a_version_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(MissingSettings, match="LONGCALL_GUARDRAIL must be the id or ARN of a guardrail, : and a ver"):
        BedrockSettings.from_environment({"AWS_REGION": "r", "LONGCALL_GUARDRAIL": text})
