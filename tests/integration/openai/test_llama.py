"""The workload against a real server of llama.cpp, whose model knows one story."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from chalicelib.jobs.errors import BudgetExceeded, ErrorType
from chalicelib.jobs.model import Image, Message, Role, UploadId
from tests.integration.openai.calling import ask, failure
from tests.integration.openai.llama import CONTEXT, STORY, TOKENS, Llama, serving_llama
from tests.unit.chalicelib.workloads.running import Run

pytestmark = pytest.mark.skipif(
    find_spec("xllamacpp") is None, reason="xllamacpp has no wheel for this platform; see pyproject.toml"
)
KEY = "a key of the test's own"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    with serving_llama(tmp_path_factory.mktemp("llama"), key=KEY) as server:
        yield server


def tell(llama: Llama, prompt: str = "Tell me", **options: Any) -> Run:
    return ask(llama.url, prompt, **{"key": llama.key, "temperature": 0.0, **options})


def test_an_answer_arrives_complete_and_token_by_token(llama: Llama) -> None:
    run = tell(llama)

    assert run.output == STORY
    assert len(run.chunks) >= len(TOKENS) - 2  # the three bytes of one character arrive together
    assert run.finished.result is None


def test_tokens_are_counted_as_the_model_sees_them(llama: Llama) -> None:
    short, long = tell(llama, "a"), tell(llama, "a" * 11)

    assert short.finished.usage["outputTokens"] == len(TOKENS) + 1  # and the token that ends the answer
    assert all_input(long) - all_input(short) == 10


def all_input(run: Run) -> int:
    read, cached = run.finished.usage["inputTokens"], run.finished.usage["cachedInputTokens"]
    assert isinstance(read, int)
    assert isinstance(cached, int)
    return read + cached


def test_a_repeated_prompt_is_read_from_the_cache(llama: Llama) -> None:
    tell(llama, "once more")

    again = tell(llama, "once more").finished.usage

    assert isinstance(again["cachedInputTokens"], int)
    assert again["cachedInputTokens"] > 0


def test_max_tokens_ends_the_job_and_keeps_the_output(llama: Llama) -> None:
    run = tell(llama, max_tokens=4)

    assert isinstance(run.error, BudgetExceeded)
    assert run.output == " The tide came back"
    assert run.usage is not None
    assert run.usage.counts["outputTokens"] == 4


def test_a_stop_sequence_ends_the_answer_before_it(llama: Llama) -> None:
    run = tell(llama, stop_sequences=(" letter",))

    assert run.output == " The tide came back to Kraków with a"
    assert run.finished.usage["stopReason"] == "stop"


def test_the_system_prompt_and_every_turn_reach_the_model(llama: Llama) -> None:
    turns = (Message(Role.USER, "aaa"), Message(Role.ASSISTANT, "bb"), Message(Role.USER, "c"))

    alone = all_input(tell(llama, "c"))
    conversation = all_input(tell(llama, "", messages=turns, system="dddd"))

    assert conversation - alone == len("aaa" + "bb" + "dddd") + 3  # and the token that begins each turn


def test_text_beyond_the_context_is_too_long(llama: Llama) -> None:
    run = tell(llama, "a" * CONTEXT)

    assert failure(run).error_type is ErrorType.CONTEXT_TOO_LONG


def test_an_answer_beyond_the_context_does_not_complete(llama: Llama) -> None:
    run = tell(llama, "a" * (CONTEXT - 12))

    assert failure(run).error_type is ErrorType.CONTEXT_TOO_LONG
    assert run.output
    assert STORY.startswith(run.output)


def test_a_wrong_key_is_denied(llama: Llama) -> None:
    run = tell(llama, key="another key")

    assert failure(run).error_type is ErrorType.MODEL_ACCESS_DENIED


def test_input_that_the_server_does_not_take_is_refused_with_its_message(llama: Llama) -> None:
    image = Image(UploadId("u1"), b"\x89PNG\r\n\x1a\n" + bytes(8))  # which the model does not take

    run = tell(llama, "", messages=(Message(Role.USER, "?", images=(image,)),))

    assert failure(run).error_type is ErrorType.MODEL_REJECTED_INPUT
    assert "image" in str(run.error)
