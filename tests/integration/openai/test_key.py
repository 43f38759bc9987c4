"""The server's key, from AWS Secrets Manager."""

from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.openai.service import service_of
from chalicelib.workloads.openai.settings import OpenAISettings

NAME = "longcall/openai"


@pytest.fixture(scope="module")
def secrets() -> Iterator[str]:
    """Endpoint of a Secrets Manager with one secret."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("secretsmanager").create_secret(Name=NAME, SecretString="sk-from-there")
        yield url
    server.stop()


def settings(secret: str, *, key: str | None = None) -> OpenAISettings:
    return OpenAISettings(url="http://127.0.0.1:9/v1", key=key, secret=secret, silence=1.0)


def test_the_key_is_the_text_of_its_secret(secrets: str) -> None:
    assert service_of(settings(NAME)).client.api_key == "sk-from-there"


def test_a_key_in_the_settings_takes_precedence(secrets: str) -> None:
    assert service_of(settings("nowhere", key="sk-set")).client.api_key == "sk-set"


def test_a_service_is_shown_without_its_key(secrets: str) -> None:
    shown = repr(service_of(settings(NAME)))

    assert "http://127.0.0.1:9/v1" in shown
    assert "sk-from-there" not in shown


def test_an_unreadable_secret_is_reported_without_its_name(secrets: str) -> None:
    with pytest.raises(WorkloadFailed) as failed:
        service_of(settings("nowhere"))

    assert failed.value.error_type is ErrorType.MODEL_ACCESS_DENIED
    assert "nowhere" not in str(failed.value)
