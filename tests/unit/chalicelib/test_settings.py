"""What handlers read from their environment."""

from datetime import timedelta

import pytest

from chalicelib.jobs.errors import MissingSettings
from chalicelib.ledger import open_ledger
from chalicelib.publisher.policies import Bytes, CostShare, FlushPolicy, Interval
from chalicelib.settings import (
    AuthorizerSettings,
    AwsLogin,
    BedrockSettings,
    Guardrail,
    ObjectSettings,
    OpenAISettings,
    RelaySettings,
    WorkerSettings,
)


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(MissingSettings) as caught:
        RelaySettings.from_environment({"LONGCALL_QUOTA": "many", "LONGCALL_RETENTION_DAYS": "-1"})

    assert caught.value.problems == (
        "LONGCALL_LEDGER is not set",
        "LONGCALL_RETENTION_DAYS has to be >= 0.01, and is '-1'",
        "LONGCALL_QUOTA has to be a whole number >= 1, and is 'many'",
    )


def test_the_keys_of_an_issuer_are_where_discovery_puts_them_unless_said_otherwise() -> None:
    environment = {"LONGCALL_ISSUER": "https://issuer/pool", "LONGCALL_CLIENT_ID": "c"}

    stated = AuthorizerSettings.from_environment({**environment, "LONGCALL_JWKS_URL": "http://127.0.0.1/keys"})

    assert AuthorizerSettings.from_environment(environment).jwks_url == "https://issuer/pool/.well-known/jwks.json"
    assert stated.jwks_url == "http://127.0.0.1/keys"


def test_a_lease_is_renewed_three_times_in_its_length() -> None:
    settings = RelaySettings.from_environment({"LONGCALL_LEDGER": "sqlite:jobs.db", "LONGCALL_LEASE_SECONDS": "60"})

    assert (settings.lease.duration, settings.lease.renewal) == (timedelta(seconds=60), timedelta(seconds=20))


@pytest.mark.parametrize("interval", ["nan", "inf", "-0.1", "soon"])
def test_a_number_that_is_none_is_refused(interval: str) -> None:
    with pytest.raises(MissingSettings, match="LONGCALL_FLUSH_SECONDS"):
        WorkerSettings.from_environment({"LONGCALL_FLUSH_SECONDS": interval})


@pytest.mark.parametrize("location", ["", "jobs.db", "sqlite:", "dynamodb:", "postgres://x"])
def test_a_ledger_of_an_unknown_form_is_refused_with_the_forms(location: str) -> None:
    with pytest.raises(MissingSettings, match="sqlite:<path> or dynamodb:<table>"):
        open_ledger(location)


def test_a_stage_may_have_no_bucket() -> None:
    assert ObjectSettings.from_environment({"LONGCALL_BUCKET": "large"}).bucket == "large"
    assert ObjectSettings.from_environment({"LONGCALL_BUCKET": ""}).bucket is None


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
    with pytest.raises(MissingSettings, match="LONGCALL_GUARDRAIL has to be the id or ARN of a guardrail, : and a ver"):
        BedrockSettings.from_environment({"AWS_REGION": "r", "LONGCALL_GUARDRAIL": text})


@pytest.mark.parametrize(
    ("environment", "policy"),
    [
        ({}, Interval(0.5, 32_768)),
        ({"LONGCALL_FLUSH_POLICY": "bytes", "LONGCALL_FLUSH_BYTES": "100"}, Bytes(100, 2.0)),
        ({"LONGCALL_FLUSH_POLICY": "cost"}, CostShare(0.1, 2.0, 32_768)),
        (
            {"LONGCALL_FLUSH_POLICY": "cost", "LONGCALL_FLUSH_SHARE": "0.5", "LONGCALL_FLUSH_STALENESS": "4"},
            CostShare(0.5, 4.0, 32_768),
        ),
    ],
)
def test_a_policy_is_chosen_by_name(environment: dict[str, str], policy: FlushPolicy) -> None:
    assert WorkerSettings.from_environment(environment).flush_policy == policy


def test_a_policy_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(MissingSettings, match="LONGCALL_FLUSH_POLICY has to be one of interval, bytes, cost"):
        WorkerSettings.from_environment({"LONGCALL_FLUSH_POLICY": "money"})


def test_an_openai_server_has_a_key_that_is_not_shown_and_time_to_think() -> None:
    environment = {"LONGCALL_OPENAI_URL": "http://127.0.0.1:11434/v1", "LONGCALL_OPENAI_KEY": "sk-secret"}

    settings = OpenAISettings.from_environment(environment)

    assert (settings.url, settings.key) == ("http://127.0.0.1:11434/v1", "sk-secret")
    assert settings.silence >= 60.0
    assert "sk-secret" not in repr(settings)


def test_a_stage_may_have_no_openai_server() -> None:
    assert OpenAISettings.from_environment({}).url is None


@pytest.mark.parametrize("url", ["127.0.0.1:11434/v1", "ftp://127.0.0.1/v1", "http://", "ollama"])
def test_an_openai_server_has_a_url(url: str) -> None:
    with pytest.raises(MissingSettings, match="LONGCALL_OPENAI_URL has to be an http:// or https:// URL"):
        OpenAISettings.from_environment({"LONGCALL_OPENAI_URL": url})
