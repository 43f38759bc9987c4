"""The AWS login with which the local stack's worker calls Bedrock."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from appsync_local.data_sources.aws_services import AwsServices, NotOnThisMachine
from chalicelib.workloads.bedrock.settings import AwsLogin, BedrockSettings
from local_stack.services.bedrock import BedrockUnusable, bedrock_variables, with_bedrock_endpoint

ROLE = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "the role's", "AWS_SECRET_ACCESS_KEY": "the role's"}
KEY = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


@pytest.fixture(autouse=True)
def no_login_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", *KEY):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def read(place: str | None, environment: Mapping[str, str]) -> BedrockSettings:
    """The settings that the worker reads, beside its role's variables."""
    return BedrockSettings.from_environment({**ROLE, **bedrock_variables(place, environment)})


def test_bedrock_is_off_unless_it_is_asked_for() -> None:
    assert read(None, KEY).is_off


def test_developers_key_is_used_for_bedrock_and_the_role_keeps_its_own() -> None:
    settings = read("aws", {**KEY, "AWS_REGION": "eu-west-1"})

    assert (settings.login, settings.region) == (AwsLogin(None, "mine", "secret", "token"), "eu-west-1")
    assert settings.endpoint is None
    assert not bedrock_variables("aws", KEY).keys() & ROLE.keys()


def test_profile_is_passed_by_name_with_its_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile work]\nregion = us-west-2\naws_access_key_id = a\n")
    monkeypatch.setenv("AWS_PROFILE", "work")

    settings = read("http://127.0.0.1:4901", {"AWS_PROFILE": "work"})

    assert (settings.login, settings.region) == (AwsLogin("work", None, None, None), "us-west-2")
    assert settings.endpoint == "http://127.0.0.1:4901"


def test_default_profile_is_used_if_nothing_else_is_set(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")

    assert read("aws", {}).login == AwsLogin("default", None, None, None)


def test_bedrock_api_key_is_passed_unchanged() -> None:
    variables = bedrock_variables("aws", {"AWS_BEARER_TOKEN_BEDROCK": "an api key", **KEY})

    assert variables["AWS_BEARER_TOKEN_BEDROCK"] == "an api key"
    assert read("aws", {"AWS_BEARER_TOKEN_BEDROCK": "an api key"}).login is None


def test_missing_login_is_refused_at_the_start() -> None:
    with pytest.raises(BedrockUnusable, match="no AWS credentials were found"):
        bedrock_variables("aws", {})


def test_missing_profile_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "wrong")

    with pytest.raises(BedrockUnusable, match=r"profile \(wrong\) could not be found; sign in again"):
        bedrock_variables("aws", {"AWS_PROFILE": "wrong"})


def test_data_sources_call_the_endpoint_of_the_option_and_never_aws_by_it() -> None:
    services = AwsServices({"events": "http://127.0.0.1:5000"})

    emulated = with_bedrock_endpoint(services, "http://127.0.0.1:8080")

    assert emulated.endpoint_of("bedrock", None, "https://bedrock").url == "http://127.0.0.1:8080"
    assert emulated.endpoint_of("events", None, "https://events").url == "http://127.0.0.1:5000"
    for place in (None, "aws"):
        with pytest.raises(NotOnThisMachine):
            with_bedrock_endpoint(services, place).endpoint_of("bedrock", None, "https://bedrock")
