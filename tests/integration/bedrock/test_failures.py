"""Failures of calls, over a socket: the error type, the message, and whether the call is retried."""

from pathlib import Path

import pytest

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.bedrock.settings import AwsLogin
from tests.integration.bedrock import eventstream
from tests.integration.bedrock.conftest import Caller
from tests.integration.bedrock.server import Ending, HungUp, Refused, Reply, Streamed
from tests.unit.chalicelib.workloads.running import Run

GOOD = Streamed(eventstream.answer("Hello"))


def failure(run: Run) -> tuple[ErrorType, str]:
    assert isinstance(run.error, WorkloadFailed), run.error
    return run.error.error_type, str(run.error)


@pytest.mark.parametrize(
    ("status", "code", "words", "kind", "sentence"),
    [
        (429, "ThrottlingException", "Too many tokens.", ErrorType.MODEL_THROTTLED, "ask AWS for a higher quota"),
        (429, "ServiceQuotaExceededException", "", ErrorType.MODEL_THROTTLED, "ask AWS for a higher quota"),
        (429, "ModelNotReadyException", "", ErrorType.MODEL_UNAVAILABLE, "amazon.nova-micro-v1:0 is not ready"),
        (503, "ServiceUnavailableException", "", ErrorType.MODEL_UNAVAILABLE, "Bedrock is not available for amazon"),
        (500, "InternalServerException", "", ErrorType.MODEL_FAILED, "amazon.nova-micro-v1:0 failed"),
        (424, "ModelErrorException", "", ErrorType.MODEL_FAILED, "amazon.nova-micro-v1:0 failed"),
        (408, "ModelTimeoutException", "", ErrorType.MODEL_TIMED_OUT, "took longer than Bedrock waits"),
        (502, "BadGateway", "", ErrorType.MODEL_FAILED, "amazon.nova-micro-v1:0 failed"),
    ],
)
def test_a_temporary_failure_is_retried_and_then_reported_with_the_number_of_calls(
    caller: Caller, status: int, code: str, words: str, kind: ErrorType, sentence: str
) -> None:
    caller.bedrock.replies = [Refused(status, code, words)]

    found, said = failure(caller.run())

    calls = len(caller.bedrock.requests)
    assert calls > 1
    assert found is kind
    assert sentence in said
    assert f"(request request-{calls})" in said
    assert f"tried {calls} times" in said
    assert words.rstrip(".") in said
    assert caller.clock.sleeps == sorted(caller.clock.sleeps)
    assert len(caller.clock.sleeps) == calls - 1, "boto3 repeats nothing by itself"


@pytest.mark.parametrize(
    ("status", "code", "words", "kind", "sentence"),
    [
        (
            403,
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            ErrorType.MODEL_ACCESS_DENIED,
            "enable it once for the account",
        ),
        (
            403,
            "AccessDeniedException",
            "Model access is denied: the role is not authorized to perform the AWS Marketplace actions",
            ErrorType.MODEL_ACCESS_DENIED,
            "enable it once for the",
        ),
        (
            403,
            "AccessDeniedException",
            "User: x is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: y",
            ErrorType.MODEL_ACCESS_DENIED,
            "the role of `infer",
        ),
        (
            404,
            "ResourceNotFoundException",
            "Model use case details have not been submitted for this account.",
            ErrorType.MODEL_ACCESS_DENIED,
            "give the use case details where the provider asks for them",
        ),
        (
            404,
            "ResourceNotFoundException",
            "This model version has reached the end of its life.",
            ErrorType.MODEL_REJECTED_INPUT,
            "check the id",
        ),
        (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            ErrorType.MODEL_ACCESS_DENIED,
            "sign in to AWS again",
        ),
        (403, "ExpiredTokenException", "", ErrorType.MODEL_ACCESS_DENIED, "sign in to AWS again"),
        (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
            ErrorType.MODEL_REJECTED_INPUT,
            "Bedrock has no model amazon.nova-micro-v1:0 in this region",
        ),
        (
            400,
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn’t supported.",
            ErrorType.MODEL_REJECTED_INPUT,
            "such as us.amazon.nova-micro-v1:0",
        ),
        (
            400,
            "ValidationException",
            "1 validation error detected",
            ErrorType.MODEL_REJECTED_INPUT,
            "does not take this input (request request-1): 1 validation error detected; change",
        ),
        (
            400,
            "ValidationException",
            "Input is too long for requested model.",
            ErrorType.CONTEXT_TOO_LONG,
            "send a shorter text",
        ),
        (
            400,
            "ValidationException",
            "The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum",
            ErrorType.CONTEXT_TOO_LONG,
            "has more tokens than amazon.nova-micro-v1:0 takes",
        ),
        (
            400,
            "ValidationException",
            "input length and `max_tokens` exceed context limit",
            ErrorType.CONTEXT_TOO_LONG,
            "send a shorter text",
        ),
        (418, "SomethingNew", "short and stout", ErrorType.MODEL_REJECTED_INPUT, "short and stout"),
    ],
)
def test_a_permanent_failure_is_reported_at_once_with_model_request_and_advice(
    caller: Caller, status: int, code: str, words: str, kind: ErrorType, sentence: str
) -> None:
    caller.bedrock.replies = [Refused(status, code, words), GOOD]

    done = caller.run()

    found, said = failure(done)

    assert len(caller.bedrock.requests) == 1
    assert done.usage is None, "a call that was not accepted has used nothing"
    assert found is kind
    assert sentence in said
    assert "amazon.nova-micro-v1:0" in said
    assert "(request request-1)" in said


@pytest.mark.parametrize(
    "first",
    [
        Refused(429, "ThrottlingException"),
        HungUp(),
        Streamed((eventstream.START, eventstream.exception("throttlingException", "Slow down."))),
        Streamed((eventstream.START, eventstream.exception("modelStreamErrorException", "Odd."))),
        Streamed((eventstream.START, eventstream.exception("serviceUnavailableException", "Odd."))),
        Streamed((eventstream.START, eventstream.exception("internalServerException", "Odd."))),
        Streamed((eventstream.START, eventstream.thought("hm")), ending=Ending.CUT),
        Streamed((eventstream.START, eventstream.text("never read")[:-1] + b"\0")),
    ],
    ids=["throttled", "hung up", "throttled in the stream", "stream error", "unavailable", "internal", "cut", "crc"],
)
def test_a_failure_before_the_first_text_is_retried_and_does_not_end_the_job(caller: Caller, first: Reply) -> None:
    caller.bedrock.replies = [first, GOOD]

    run = caller.run()

    assert run.error is None
    assert run.output == "Hello"
    assert run.finished.usage["modelRequestId"] == "request-2"
    assert caller.clock.sleeps == [1.0]
    assert "trying again" in str(run.progress[-1].message)


@pytest.mark.parametrize(
    ("then", "ending", "kind", "words"),
    [
        (eventstream.exception("modelStreamErrorException", "Odd."), Ending.WHOLE, ErrorType.MODEL_FAILED, ": Odd;"),
        (eventstream.exception("throttlingException", "Slow."), Ending.WHOLE, ErrorType.MODEL_THROTTLED, ": Slow;"),
        (
            eventstream.exception("validationException", "Input is too long."),
            Ending.WHOLE,
            ErrorType.CONTEXT_TOO_LONG,
            "send a shorter text",
        ),
        (b"", Ending.CUT, ErrorType.MODEL_FAILED, "the answer of amazon.nova-micro-v1:0 was cut off"),
        (b"", Ending.WHOLE, ErrorType.MODEL_FAILED, "was cut off after 9 characters"),
        (eventstream.text("x")[:-9] + bytes(9), Ending.WHOLE, ErrorType.MODEL_FAILED, "was cut off"),
        (b"", Ending.SILENCE, ErrorType.MODEL_TIMED_OUT, "amazon.nova-micro-v1:0 stopped sending data"),
    ],
)
def test_a_failure_in_mid_answer_is_final_and_keeps_the_output(
    caller: Caller, then: bytes, ending: Ending, kind: ErrorType, words: str
) -> None:
    caller.silence = 2.0 if ending is Ending.SILENCE else 30.0
    caller.bedrock.replies = [Streamed((eventstream.START, eventstream.text("Once upon"), then), ending=ending), GOOD]

    run = caller.run()

    found, said = failure(run)
    assert (found, run.output) == (kind, "Once upon")
    assert words in said
    assert "(request request-1)" in said
    assert len(caller.bedrock.requests) == 1


def test_no_call_is_retried_past_the_deadline(caller: Caller) -> None:
    caller.bedrock.replies = [Refused(429, "ThrottlingException")]
    caller.clock.now = 99.5

    found, said = failure(caller.run())

    assert (found, len(caller.bedrock.requests)) == (ErrorType.MODEL_THROTTLED, 1)
    assert "times" not in said


def test_a_port_without_a_server_is_reported_in_one_sentence(caller: Caller) -> None:
    caller.bedrock.port = 1

    found, said = failure(caller.run())

    assert found is ErrorType.MODEL_UNAVAILABLE
    assert said.startswith("Bedrock cannot be reached for amazon.nova-micro-v1:0")


def test_a_profile_that_does_not_exist_is_reported_in_one_sentence(caller: Caller) -> None:
    caller.login = AwsLogin("no-such-profile", None, None, None)

    found, said = failure(caller.run())

    assert found is ErrorType.MODEL_ACCESS_DENIED
    assert said.startswith("no AWS credentials were found to call amazon.nova-micro-v1:0 with; ")
    assert "longcall serve --bedrock aws" in said


def test_missing_credentials_are_reported_in_one_sentence(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    caller.login = None

    found, said = failure(caller.run())

    assert (found, len(caller.bedrock.requests)) == (ErrorType.MODEL_ACCESS_DENIED, 0)
    assert said.startswith("no AWS credentials were found to call amazon.nova-micro-v1:0 with; ")


def test_a_stack_without_an_account_reports_how_to_give_it_one(caller: Caller) -> None:
    caller.is_off = True

    found, said = failure(caller.run())

    assert found is ErrorType.MODEL_UNAVAILABLE
    assert said.startswith("amazon.nova-micro-v1:0 runs on Amazon Bedrock, and this stack has no AWS account for it")
    assert "`longcall serve --bedrock aws`" in said
