"""No error of a library, and no name inside AWS, leaves the relay."""

import json
import logging
import sqlite3
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from chalicelib.api.boundary import contained
from chalicelib.jobs.errors import JobNotFound

ID = "7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11"
ROLE = "arn:aws:sts::123456789012:assumed-role/longcall-prod-StatusRelay/fn"
PAYLOAD: dict[str, Any] = {"field": "startInference", "arguments": {"input": {"jobId": ID, "prompt": "secret prompt"}}}


def client_error(code: str, status: int = 400) -> ClientError:
    message = f"User: {ROLE} is not authorized to perform: dynamodb:PutItem on resource: table/jobs: secret prompt"
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutItem")


def refused(error: Exception, payload: dict[str, Any] = PAYLOAD) -> dict[str, Any]:
    def perform() -> None:
        raise error

    answer = contained(payload, perform)
    assert set(answer) == {"error"}
    return dict(answer["error"])


@pytest.mark.parametrize(
    "error",
    [client_error("AccessDeniedException"), KeyError("secret prompt"), ZeroDivisionError(), AssertionError(ROLE)],
    ids=lambda error: type(error).__name__,
)
def test_an_unexpected_error_is_answered_with_an_id_that_the_log_has_with_the_cause(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = refused(error)

    [record] = caplog.records
    error_id = record.__dict__["error_id"]
    assert answer["type"] == "InternalError"
    assert error_id in answer["message"]
    assert error_id in record.getMessage()
    assert type(error).__name__ in record.getMessage()
    assert "test_boundary.py" in record.getMessage()
    assert (record.__dict__["field"], record.__dict__["job_id"]) == ("startInference", ID)
    for shown in (json.dumps(answer), json.dumps(record.__dict__, default=str)):
        assert "secret" not in shown
        assert "arn:" not in shown


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        client_error("ProvisionedThroughputExceededException"),
        client_error("InternalServerError", status=500),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        ConnectTimeoutError(endpoint_url="https://dynamodb"),
        sqlite3.OperationalError("database or disk is full"),
    ],
    ids=str,
)
def test_a_log_that_cannot_be_reached_now_is_said_to_be(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    answer = refused(error)

    assert answer["type"] == "LedgerUnavailable"
    assert "try again" in answer["message"]
    assert [record.__dict__["event"] for record in caplog.records] == ["ledger_unavailable"]
    assert "secret" not in caplog.text


def test_an_error_of_the_contract_keeps_its_type_and_its_message() -> None:
    assert refused(JobNotFound(ID)) == {"type": "JobNotFound", "message": str(JobNotFound(ID))}


@pytest.mark.parametrize("payload", [{}, {"field": 1, "arguments": None}, {"arguments": {"input": {"jobId": ["x"]}}}])
def test_a_payload_of_any_shape_is_answered(payload: dict[str, Any]) -> None:
    assert refused(KeyError("field"), payload)["type"] == "InternalError"
