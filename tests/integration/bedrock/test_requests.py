"""Requests as they arrive at Bedrock's endpoint."""

import base64
from typing import Any

import pytest

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.jobs.model import Image, Message, Role, UploadId
from chalicelib.workloads.bedrock.converse import service_of_this_process
from chalicelib.workloads.bedrock.request import MAX_IMAGE
from chalicelib.workloads.bedrock.settings import AwsLogin, Guardrail
from chalicelib.workloads.images import image_format
from tests.integration.bedrock.conftest import Caller
from tests.integration.bedrock.server import Bedrock

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def shown(content: bytes, text: str = "What is this?") -> Message:
    return Message(Role.USER, text, (Image(UploadId("an upload"), content),))


def test_a_prompt_is_one_message_and_unset_options_are_left_out(caller: Caller) -> None:
    caller.run("Hi there")

    (received,) = caller.bedrock.requests
    assert received.model == "amazon.nova-micro-v1:0"
    assert received.body == {"messages": [{"role": "user", "content": [{"text": "Hi there"}]}], "inferenceConfig": {}}


def test_options_have_their_names_and_values(caller: Caller) -> None:
    caller.run(
        "Hi", system="Be kind.", max_tokens=50, temperature=0.5, top_p=0.9, stop_sequences=("END", "\n\n"), max_cost=1.0
    )

    body = caller.bedrock.requests[0].body
    assert body["system"] == [{"text": "Be kind."}]
    assert body["inferenceConfig"] == {
        "maxTokens": 50, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END", "\n\n"]
    }  # fmt: skip


def test_a_conversation_keeps_its_turns(caller: Caller) -> None:
    turns = (Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "Yes?"), Message(Role.USER, "Who wrote Hamlet?"))

    caller.run("", messages=turns)

    assert caller.bedrock.requests[0].body["messages"] == [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": [{"text": "Yes?"}]},
        {"role": "user", "content": [{"text": "Who wrote Hamlet?"}]},
    ]


@pytest.mark.parametrize("text", ["What is this?", ""])
def test_images_precede_the_text_in_their_own_format(caller: Caller, text: str) -> None:
    caller.run("", messages=(shown(PNG, text),))

    image = {"image": {"format": "png", "source": {"bytes": base64.b64encode(PNG).decode()}}}
    assert caller.bedrock.requests[0].body["messages"][0]["content"] == [image, *([{"text": text}] if text else [])]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0" + bytes(8), "jpeg"),
        (b"GIF89a" + bytes(8), "gif"),
        (b"GIF87a" + bytes(8), "gif"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "webp"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
        (b"<svg/>", None),
        (b"", None),
    ],
)
def test_an_images_format_is_recognised_by_its_first_bytes(content: bytes, kind: str | None) -> None:
    assert image_format(content) == kind


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"messages": (shown(b"<svg/>"),)}, "an upload is not a PNG, JPEG, GIF or WebP"),
        ({"messages": (shown(PNG + bytes(MAX_IMAGE)),)}, f"has {MAX_IMAGE + 16} bytes"),
        ({"temperature": 1.5}, "from 0 to 1, but is 1.5; lower it"),
    ],
)
def test_input_that_no_model_on_bedrock_takes_is_refused_without_a_call(
    caller: Caller, options: dict[str, Any], words: str
) -> None:
    run = caller.run(**options)

    assert isinstance(run.error, WorkloadFailed)
    assert run.error.error_type is ErrorType.MODEL_REJECTED_INPUT
    assert words in str(run.error)
    assert caller.bedrock.requests == []


@pytest.mark.parametrize(
    "model",
    [
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a1b2c3d4e5f6",
    ],
)
def test_profiles_and_arns_arrive_unchanged_with_a_valid_signature(caller: Caller, model: str) -> None:
    run = caller.run(model=model)

    assert run.output == "Hello"
    assert caller.bedrock.requests[0].model == model
    assert caller.bedrock.faults == []


def test_every_call_names_the_stages_guardrail(caller: Caller) -> None:
    caller.guardrail = Guardrail("a1b2c3", "7")

    caller.run()

    assert caller.bedrock.requests[0].body["guardrailConfig"] == {
        "guardrailIdentifier": "a1b2c3", "guardrailVersion": "7", "trace": "enabled"
    }  # fmt: skip


def test_a_process_makes_its_client_once(bedrock: Bedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_REGION": "us-east-1", "LONGCALL_BEDROCK": bedrock.url}.items():
        monkeypatch.setenv(name, value)

    first, second = service_of_this_process(), service_of_this_process()
    monkeypatch.setenv("LONGCALL_GUARDRAIL", "a1b2c3:1")

    assert first is second
    assert service_of_this_process() is not first, "a debug server follows a stack that was started anew"


def test_a_wrong_secret_is_refused_with_advice(caller: Caller) -> None:
    """This also shows that the server's check of signatures can fail."""
    caller.login = AwsLogin(None, "AKIDEXAMPLE", "another secret", None)

    run = caller.run()

    assert isinstance(run.error, WorkloadFailed)
    assert run.error.error_type is ErrorType.MODEL_ACCESS_DENIED
    assert "credentials for amazon.nova-micro-v1:0 are not accepted (request request-1)" in str(run.error)
    assert caller.bedrock.faults == ["the signature does not match"]
