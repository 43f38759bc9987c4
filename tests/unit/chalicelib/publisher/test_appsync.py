"""Which failures are worth another try, and what goes over the wire."""

import json

import aiohttp
import pytest
from botocore.exceptions import NoCredentialsError
from gql.transport.exceptions import (
    TransportClosed,
    TransportConnectionFailed,
    TransportError,
    TransportProtocolError,
    TransportQueryError,
    TransportServerError,
)
from graphql import GraphQLObjectType, validate
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.calls import UpdateStatus
from chalicelib.api.payloads.calls import parse_call
from chalicelib.jobs.errors import ErrorType, PublishFailed
from chalicelib.jobs.model import Announcement, Change, Claim, Status, WorkerUpdate
from chalicelib.publisher.appsync import describe, is_worth_a_retry
from chalicelib.publisher.delivery import Backoff
from chalicelib.publisher.fencing import UpdateAnswer
from chalicelib.publisher.messages import parse, render
from chalicelib.publisher.mutations import mutation as document
from tests.unit.chalicelib.publisher.api import JOB_ID, contract


def no_answer(cause: Exception) -> TransportError:
    error = TransportConnectionFailed("hidden")
    error.__cause__ = cause
    return error


def refused(error_type: str | None, message: str = "hidden") -> TransportError:
    return TransportQueryError("hidden", errors=[{"errorType": error_type, "message": message}])


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (TransportServerError("hidden", 500), "HTTP status 500"),
        (TransportServerError("hidden", 503), "HTTP status 503"),
        (TransportServerError("hidden", 429), "HTTP status 429"),
        (TransportServerError("hidden", 408), "HTTP status 408"),
        (refused("Lambda:Unhandled"), "Lambda:Unhandled"),
        (refused("Lambda:ExecutionTimeoutException"), "Lambda:ExecutionTimeoutException"),
        (refused("ThrottlingException"), "ThrottlingException"),
        (refused("TooManyRequestsException"), "TooManyRequestsException"),
        (refused("LimitExceededError"), "LimitExceededError"),
        (refused("InternalFailureException"), "InternalFailureException"),
        (refused("ServiceUnavailableException"), "ServiceUnavailableException"),
        (no_answer(aiohttp.ServerDisconnectedError()), "no answer (ServerDisconnectedError)"),
        (no_answer(ConnectionResetError()), "no answer (ConnectionResetError)"),
        (no_answer(TimeoutError()), "no answer (TimeoutError)"),
        (TransportProtocolError("hidden"), "an answer that is not a GraphQL result"),
    ],
)
def test_a_temporary_failure_is_worth_a_retry(error: TransportError, description: str) -> None:
    assert is_worth_a_retry(error)
    assert describe(error) == description


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (TransportServerError("hidden", 403), "HTTP status 403"),
        (refused("InvalidTransition", "a job that is FAILED"), "InvalidTransition: a job that is FAILED"),
        (refused("JobNotFound", "no job"), "JobNotFound: no job"),
        (refused("Unauthorized", "not authorized"), "Unauthorized: not authorized"),
        (refused("UnauthorizedException", "Permission denied"), "UnauthorizedException: Permission denied"),
        (refused("MappingTemplate"), "MappingTemplate"),
        (refused("QueryDepthLimitReached"), "QueryDepthLimitReached"),
        (refused(None), "an error without a type"),
        (refused(None, "Validation error of type X"), "an error without a type: Validation error of type X"),
        (TransportQueryError("hidden"), "an error without a type"),
        (no_answer(NoCredentialsError()), "no answer (NoCredentialsError)"),
        (TransportClosed("hidden"), "TransportClosed"),
    ],
)
def test_any_other_failure_is_final(error: TransportError, description: str) -> None:
    assert not is_worth_a_retry(error)
    assert describe(error) == description


@pytest.mark.parametrize("name", ["update_status", "dispatch_inference", "claim_job"])
def test_the_documents_fit_the_contract(name: str) -> None:
    assert validate(contract(), document(name, "").request.document) == []


@pytest.mark.parametrize("name", ["update_status", "dispatch_inference", "claim_job"])
def test_the_documents_select_all_that_a_watcher_may_ask_for(name: str) -> None:
    status = contract().type_map["InferenceStatus"]
    assert isinstance(status, GraphQLObjectType)
    operation, fragment = document(name, "").request.document.to_dict()["definitions"]
    for mutation in operation["selection_set"]["selections"]:
        assert "Event" in [selection["name"]["value"] for selection in mutation["selection_set"]["selections"]]

    selected = {selection["name"]["value"] for selection in fragment["selection_set"]["selections"]}

    assert selected == set(status.fields) - {"output", "outputOmitted", "resultUrl", "checkpoint"}


def test_the_answer_to_a_claim_has_the_checkpoint() -> None:
    claim = document("claim_job", "").request.document.to_dict()["definitions"][0]["selection_set"]["selections"][1]

    assert claim["alias"]["value"] == "claim"
    assert "checkpoint" in [selection["name"]["value"] for selection in claim["selection_set"]["selections"]]


CHANGES = st.one_of(
    st.builds(
        Change,
        status=st.just(Status.PROCESSING),
        progress=st.none() | st.floats(0, 1),
        message=st.none() | st.text(max_size=100),
        delta=st.none() | st.text(min_size=1),
    ),
    st.builds(
        Change,
        status=st.just(Status.COMPLETED),
        result=st.text(),
        usage=st.none() | st.dictionaries(st.text(), st.integers()),
    ),
    st.builds(Change, status=st.just(Status.FAILED), error=st.text(min_size=1), error_type=st.sampled_from(ErrorType)),
)


@given(
    st.one_of(
        st.builds(Announcement, st.just(JOB_ID), request_id=st.text()),
        st.builds(Claim, st.just(JOB_ID), request_id=st.text(), update_id=st.text(min_size=1)),
        st.builds(WorkerUpdate, st.just(JOB_ID), st.integers(1), st.integers(2), st.text(min_size=1), change=CHANGES),
    )
)
def test_the_relay_reads_what_the_worker_meant(update: Announcement | Claim | WorkerUpdate) -> None:
    values = render(update)
    if "usage" in values:
        values["usage"] = json.loads(values["usage"])  # as AppSync does with an AWSJSON argument

    assert parse_call({"field": "updateStatus", "arguments": {"input": values}}) == UpdateStatus(update)


def test_an_answer_is_read_from_the_record_it_shows() -> None:
    record = {"status": "PROCESSING", "attempt": 1, "sequence": 2}

    assert parse(record) == UpdateAnswer(Status.PROCESSING, 1, 2, claimed=False)
    assert parse({**record, "claimed": True}) == UpdateAnswer(Status.PROCESSING, 1, 2, claimed=True)


@pytest.mark.parametrize("data", [{}, None, {"status": "ASLEEP"}])
def test_an_answer_of_another_shape_says_what_to_check(data: dict[str, object] | None) -> None:
    with pytest.raises(PublishFailed, match="same version"):
        parse(data)


def test_waits_double_up_to_the_cap_and_are_drawn_from_the_whole_range() -> None:
    backoff = Backoff(base=0.1, cap=3.0)

    for tries, most in ((1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (6, 3.0), (1000, 3.0)):
        drawn = [backoff.delay(tries) for _ in range(1000)]
        assert min(drawn) < most / 8
        assert most * 7 / 8 < max(drawn) <= most
