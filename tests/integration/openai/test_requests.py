"""The request that a job sends to its server."""

import base64
from typing import Any

import pytest

from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import Image, Message, Role, UploadId
from chalicelib.workloads.openai.service import service_of
from chalicelib.workloads.openai.settings import OpenAISettings
from tests.integration.openai.calling import ask, failure
from tests.integration.openai.server import Script, answer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def sent(server: Script, prompt: str = "Tell me", **options: Any) -> dict[str, Any]:
    """The body of the request that a job sends."""
    server.replies = [answer("Yes")]
    ask(server.url, prompt, **options)
    return server.body


def test_a_prompt_alone_leaves_every_option_to_the_server(server: Script) -> None:
    assert sent(server) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Tell me"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert server.requests[0][0] == "/v1/chat/completions"


def test_every_option_reaches_the_server(server: Script) -> None:
    body = sent(server, max_tokens=7, temperature=0.0, top_p=0.5, stop_sequences=("###", "\n\n"))

    assert (body["max_tokens"], body["temperature"], body["top_p"], body["stop"]) == (7, 0.0, 0.5, ["###", "\n\n"])


def test_the_conversation_keeps_its_order_after_the_system_prompt(server: Script) -> None:
    turns = (Message(Role.USER, "one"), Message(Role.ASSISTANT, "two"), Message(Role.USER, "three"))

    assert sent(server, "", system="Be kind.", messages=turns)["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]


def test_images_precede_the_text_of_their_turn(server: Script) -> None:
    shown = Message(Role.USER, "What is it?", images=(Image(UploadId("u1"), PNG),))

    (message,) = sent(server, "", messages=(shown,))["messages"]

    assert message["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}},
        {"type": "text", "text": "What is it?"},
    ]


def test_bytes_that_are_not_an_image_are_refused_without_a_call(server: Script) -> None:
    run = ask(server.url, "", messages=(Message(Role.USER, "?", images=(Image(UploadId("u1"), b"%PDF"),)),))

    assert failure(run).error_type is ErrorType.MODEL_REJECTED_INPUT
    assert "u1" in str(run.error)
    assert server.requests == []


@pytest.mark.parametrize(
    ("url", "limit"),
    [("https://api.openai.com/v1", "max_completion_tokens"), ("http://127.0.0.1:11434/v1", "max_tokens")],
)
def test_the_token_limit_has_the_name_that_the_server_knows(url: str, limit: str) -> None:
    assert service_of(OpenAISettings(url=url, key="k", secret=None, silence=1.0)).limit == limit


def test_the_client_is_made_once_for_the_same_settings() -> None:
    settings = OpenAISettings(url="http://127.0.0.1:9/v1", key=None, secret=None, silence=1.0)

    assert service_of(settings).client is service_of(settings).client
