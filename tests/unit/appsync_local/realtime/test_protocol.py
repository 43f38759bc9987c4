"""The server's half of the realtime protocol, without a socket."""

import json
from typing import Any

import pytest

from appsync_local.api.limits import LONGEST_ID
from appsync_local.realtime.protocol import Acknowledged, Event, RealtimeConnection, Send, Start, Stop


def start(id_: str, data: object = "{}") -> str:
    payload = {"data": data, "extensions": {"authorization": {"Authorization": "t", "X-Amz-Date": "d"}}}
    return json.dumps({"id": id_, "type": "start", "payload": payload})


def sent(events: list[Event]) -> list[Any]:
    return [json.loads(event.text) for event in events if isinstance(event, Send)]


def running(connection: RealtimeConnection, id_: str) -> Start:
    [event] = connection.receive(start(id_))
    assert isinstance(event, Start)
    connection.accept(event)
    return event


def test_a_connection_is_acknowledged_and_kept_alive() -> None:
    events = RealtimeConnection().receive('{"type":"connection_init"}')

    assert sent(events) == [
        {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}},
        {"type": "ka"},
    ]
    assert Acknowledged() in events


def test_a_start_has_its_data_unchanged_and_its_authorization_in_lower_case() -> None:
    [event] = RealtimeConnection().receive(start("1", '{ "query":"\\u00e4" }'))

    assert isinstance(event, Start)
    assert event.data == '{ "query":"\\u00e4" }'
    assert event.authorization == {"authorization": "t", "x-amz-date": "d"}


def test_a_start_without_a_connection_init_is_served() -> None:
    connection = RealtimeConnection()

    assert json.loads(connection.accept(connection.receive(start("1"))[0])) == {"id": "1", "type": "start_ack"}  # type: ignore[arg-type]


def test_an_id_in_use_is_rejected_and_the_first_subscription_continues() -> None:
    connection = RealtimeConnection()
    running(connection, "1")
    connection.receive(start("2"))

    for id_ in ("1", "2"):
        [answer] = sent(connection.receive(start(id_)))
        assert (answer["id"], answer["type"]) == (id_, "error")
        assert answer["payload"]["errors"][0]["errorType"] == "DuplicatedOperationError"
    assert Stop("1") in connection.receive('{"type":"stop","id":"1"}')  # type: ignore[arg-type]


def test_a_start_beyond_the_limit_is_rejected() -> None:
    connection = RealtimeConnection()
    for number in range(200):
        running(connection, str(number))

    [answer] = sent(connection.receive(start("200")))

    assert answer["id"] == "200"
    assert answer["payload"]["errors"] == [
        {"errorType": "MaxSubscriptionsReachedError", "message": "Max number of 200 subscriptions reached"}
    ]


def test_an_id_may_be_used_again_once_it_is_stopped_or_refused() -> None:
    connection = RealtimeConnection(limit=1)
    running(connection, "1")
    connection.receive('{"type":"stop","id":"1"}')
    [refused] = connection.receive(start("1"))
    assert isinstance(refused, Start)
    connection.reject(refused, [{"message": "no"}])

    [event] = connection.receive(start("1"))

    assert isinstance(event, Start)


def test_a_stop_of_an_unknown_id_is_answered_with_complete() -> None:
    assert sent(RealtimeConnection().receive('{"type":"stop","id":"x"}')) == [{"id": "x", "type": "complete"}]


def test_a_start_that_was_stopped_during_its_check_is_not_awaited() -> None:
    connection = RealtimeConnection()
    [first] = connection.receive(start("1"))
    connection.receive('{"type":"stop","id":"1"}')
    [second] = connection.receive(start("1"))

    assert isinstance(first, Start)
    assert isinstance(second, Start)
    assert not connection.is_awaited(first)
    assert connection.is_awaited(second)


@pytest.mark.parametrize(
    ("text", "id_", "reason"),
    [
        ("not json", None, ": the message must be a JSON object, as text"),
        ("[]", None, ": the message must be a JSON object, as text"),
        ("{}", None, ""),
        ('{"type":"pause","id":"7"}', "7", ""),
        ('{"type":"stop"}', None, ": the message must have an `id`, which is text"),
        ('{"type":"stop","id":7}', None, ": the message must have an `id`, which is text"),
        ('{"type":"start","id":"7"}', "7",
         ": payload.data must be JSON text with `query` and `variables`, and is not text"),
        ('{"type":"start","id":"7","payload":{"data":{}}}', "7",
         ": payload.data must be JSON text with `query` and `variables`, and is an object"),
        ('{"type":"start","payload":{"data":"{}"}}', None, ": the message must have an `id`, which is text"),
        ('{"type":"start","id":7,"payload":{"data":"{}"}}', None, ": the message must have an `id`, which is text"),
        (b"\xff\xfe", None, ": the message must be a JSON object, as text"),
    ],
)  # fmt: skip
def test_an_unknown_message_is_reported_as_unsupported_with_its_id(text: str, id_: str | None, reason: str) -> None:
    [answer] = sent(RealtimeConnection().receive(text))

    assert answer["type"] == "error"
    assert answer.get("id") == id_
    assert answer["payload"]["errors"] == [
        {"errorType": "UnsupportedOperation", "message": f"unknown not supported through the realtime channel{reason}"}
    ]


def test_a_stop_also_ends_a_start_that_is_still_checked() -> None:
    connection = RealtimeConnection()
    connection.receive(start("1"))

    assert Stop("1") in connection.receive('{"type":"stop","id":"1"}')  # type: ignore[arg-type]


def test_an_id_beyond_the_length_limit_is_rejected() -> None:
    connection = RealtimeConnection()

    [refusal] = sent(connection.receive(start("x" * (LONGEST_ID + 1))))

    assert refusal["payload"]["errors"][0]["errorType"] == "BadRequestException"
    assert isinstance(connection.receive(start("x" * LONGEST_ID))[0], Start)
