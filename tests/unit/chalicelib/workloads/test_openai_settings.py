"""The worker's settings for an OpenAI-compatible server."""

import pytest

from chalicelib.jobs.errors import MissingSettings
from chalicelib.workloads.openai.settings import OpenAISettings


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
    with pytest.raises(MissingSettings, match="LONGCALL_OPENAI_URL must be an http:// or https:// URL"):
        OpenAISettings.from_environment({"LONGCALL_OPENAI_URL": url})
