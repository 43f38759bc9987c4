"""An application with IAM, Step Functions, EventBridge, SQS, SNS and streams, served over HTTP with local services."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.acceptance.stack import LocalStack, running_stack

TEMPLATE = Path(__file__).with_name("workshop") / "template.yaml"
LATEST = 30.0  # seconds


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("workshop") / "data", "--template", str(TEMPLATE)) as stack:
        yield stack


def ask(stack: LocalStack, query: str, **variables: object) -> Any:
    """The answer to an operation, signed with the stack's key for callers."""
    key = stack.description["operator"]
    request = AWSRequest(
        "POST", stack.url, data=json.dumps({"query": query, "variables": variables}),
        headers={"content-type": "application/json"},
    )  # fmt: skip
    SigV4Auth(Credentials(key["accessKeyId"], key["secretAccessKey"]), "appsync", "us-east-1").add_auth(request)
    answer = urllib3.request("POST", stack.url, body=request.data, headers=dict(request.headers.items()))
    return answer.json()


def steps_of(stack: LocalStack, order: str, *, most: int) -> list[str]:
    """The steps of an order, once it has so many."""
    latest = time.monotonic() + LATEST
    while True:
        found = ask(stack, "query ($id: ID!) { order(id: $id) { steps } }", id=order)["data"]["order"]
        if (found is not None and len(found["steps"]) >= most) or time.monotonic() > latest:
            return sorted(found["steps"]) if found else []


def test_a_data_source_starts_a_state_machine_that_invokes_a_function_and_writes_to_a_table(
    workshop: LocalStack,
) -> None:
    answer = ask(workshop, 'mutation { build(id: "chair") }')

    assert answer == {"data": {"build": '{"status":"SUCCEEDED"}'}}
    assert steps_of(workshop, "chair", most=2) == ["insert by a stream", "sawn"]


def test_an_event_of_a_resolver_reaches_a_function_and_the_api_by_its_rule(workshop: LocalStack) -> None:
    answer = ask(workshop, 'mutation { place(id: "table") }')

    assert answer == {"data": {"place": '{"failed":0}'}}
    assert steps_of(workshop, "table", most=2) == ["announced by the API", "placed by a rule of 123456789012"]


def test_messages_of_a_function_reach_it_by_a_queue_and_a_topic(workshop: LocalStack) -> None:
    answer = ask(workshop, 'mutation { pay(id: "lamp") }')

    assert answer == {"data": {"pay": '{"sent":true}'}}
    assert steps_of(workshop, "lamp", most=2) == ["paid by a queue", "told by a topic"]


@pytest.mark.parametrize(
    ("service", "answer"), [("s3", "x"), ("ssm", "7"), ("secretsmanager", "hidden"), ("lambda", "200")]
)
def test_a_function_uses_the_resources_of_the_template(workshop: LocalStack, service: str, answer: str) -> None:
    asked = ask(workshop, "query ($s: String!) { reachable(service: $s) }", s=service)

    assert asked == {"data": {"reachable": answer}}


def test_a_call_of_a_service_that_is_not_local_fails_with_one_clear_sentence(workshop: LocalStack) -> None:
    asked = ask(workshop, '{ reachable(service: "ses") }')

    sentence = "worker calls ses, which has no local counterpart, so nothing was sent; start with --allow-aws"
    assert sentence in asked["errors"][0]["message"]
    assert sentence in workshop.log.read_text()


def test_an_unsigned_caller_is_refused(workshop: LocalStack) -> None:
    answer = urllib3.request("POST", workshop.url, body=b'{"query": "{ __typename }"}')

    assert answer.status == 401
