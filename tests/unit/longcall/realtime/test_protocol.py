"""The client's half of the realtime protocol on a clock of the tests' own, without a socket."""

import json

import pytest

from longcall import GraphQLFault, ProtocolError
from longcall.realtime.messages import SubscriptionId
from longcall.realtime.protocol import (
    Acknowledged,
    Connected,
    Ended,
    Event,
    Lost,
    Pushed,
    RealtimeProtocol,
    Refused,
    Rejected,
    State,
    Unanswered,
)

KEEP_ALIVE = 90.0
ANSWER = 35.0
FIRST = SubscriptionId("1")
SECOND = SubscriptionId("2")
HEADERS = {"Authorization": "token", "host": "api.example.com"}


def text(type_: str, **more: object) -> str:
    return json.dumps({"type": type_, **more})


def sent(protocol: RealtimeProtocol) -> list[tuple[str, str | None]]:
    """The type and the id of each message that waits to be sent."""
    messages = [json.loads(each) for each in protocol.to_send()]
    return [(message["type"], message.get("id")) for message in messages]


@pytest.fixture
def protocol() -> RealtimeProtocol:
    """A connection that was opened at second 0, and has sent nothing yet."""
    return RealtimeProtocol(keep_alive=KEEP_ALIVE, answer=ANSWER, now=0.0)


@pytest.fixture
def opened(protocol: RealtimeProtocol) -> RealtimeProtocol:
    """An acknowledged connection at second 0."""
    protocol.to_send()
    protocol.receive(text("connection_ack"), now=0.0)
    return protocol


@pytest.fixture
def subscribed(opened: RealtimeProtocol) -> RealtimeProtocol:
    """A connection with one acknowledged subscription, at second 0."""
    opened.start("{}", HEADERS, now=0.0)
    opened.to_send()
    opened.receive(text("start_ack", id="1"), now=0.0)
    return opened


def test_connection_opens_with_init_and_is_open_once_acknowledged(protocol: RealtimeProtocol) -> None:
    assert sent(protocol) == [("connection_init", None)]
    assert protocol.state.value == "connecting"

    assert protocol.receive(text("ka"), now=1.0) == []
    assert protocol.receive(text("connection_ack"), now=1.0) == [Connected()]

    assert protocol.state.value == "open"
    assert protocol.to_send() == []


def test_refused_connection_is_closed_and_says_why(protocol: RealtimeProtocol) -> None:
    errors = [{"errorType": "UnauthorizedException", "message": "no", "errorCode": 401}]

    events = protocol.receive(text("connection_error", payload={"errors": errors}), now=1.0)

    assert events == [Refused((GraphQLFault("no", "UnauthorizedException"),))]
    assert (protocol.state, protocol.deadline(), protocol.to_send()) == (State.CLOSED, None, [])


def test_connection_that_is_never_acknowledged_is_lost_when_its_time_is_over(protocol: RealtimeProtocol) -> None:
    protocol.receive(text("ka"), now=30.0)  # must not extend the wait for the acknowledgement

    assert protocol.deadline() == ANSWER
    assert protocol.expire(now=34.9) == []
    assert protocol.expire(now=ANSWER) == [Lost("no `connection_ack` came in time")]


def test_subscription_before_the_acknowledgement_is_refused(protocol: RealtimeProtocol) -> None:
    with pytest.raises(ProtocolError, match="this one is connecting"):
        protocol.start("{}", HEADERS, now=0.0)


def test_each_subscription_has_its_own_id_and_headers(opened: RealtimeProtocol) -> None:
    first = opened.start('{"query":"a"}', HEADERS, now=0.0)
    second = opened.start('{"query":"b"}', HEADERS | {"Authorization": "fresh"}, now=0.0)

    one, two = [json.loads(each) for each in opened.to_send()]
    assert (first, second) == (FIRST, SECOND) == (one["id"], two["id"])
    assert (one["payload"]["data"], two["payload"]["data"]) == ('{"query":"a"}', '{"query":"b"}')
    assert one["payload"]["extensions"]["authorization"] == HEADERS
    assert two["payload"]["extensions"]["authorization"]["Authorization"] == "fresh"


def test_push_is_reported_only_between_acknowledgement_and_end(opened: RealtimeProtocol) -> None:
    push = text("data", id="1", payload={"data": {"onX": {"n": 1}}})
    opened.start("{}", HEADERS, now=0.0)

    assert opened.receive(push, now=0.0) == []
    assert opened.receive(text("start_ack", id="1"), now=0.0) == [Acknowledged(FIRST)]
    assert opened.receive(push, now=0.0) == [Pushed(FIRST, {"n": 1})]
    assert opened.receive(text("complete", id="1"), now=0.0) == [Ended(FIRST)]
    assert opened.receive(push, now=0.0) == []
    assert opened.receive(text("start_ack", id="1"), now=0.0) == []


def test_refused_start_ends_that_subscription_alone(subscribed: RealtimeProtocol) -> None:
    subscribed.start("{}", HEADERS, now=0.0)
    subscribed.to_send()

    events = subscribed.receive(text("error", id="2", payload={"errors": [{"message": "no"}]}), now=0.0)

    assert events == [Rejected(SECOND, (GraphQLFault("no"),))]
    assert subscribed.receive(text("data", id="1", payload={}), now=0.0) == [Pushed(FIRST, None)]
    subscribed.stop(SECOND)
    assert subscribed.to_send() == []  # the server knows no such subscription


def test_error_of_a_running_subscription_ends_it_with_its_reason(subscribed: RealtimeProtocol) -> None:
    events = subscribed.receive(text("error", id="1", payload={"errors": [{"message": "Token expired"}]}), now=0.0)

    assert events == [Ended(FIRST, (GraphQLFault("Token expired"),))]
    assert subscribed.state is State.OPEN


def test_unanswered_start_ends_and_is_stopped(subscribed: RealtimeProtocol) -> None:
    subscribed.start("{}", HEADERS, now=10.0)
    subscribed.start("{}", HEADERS, now=20.0)
    subscribed.to_send()

    assert subscribed.deadline() == 10.0 + ANSWER
    assert subscribed.expire(now=10.0 + ANSWER) == [Unanswered(SECOND)]
    assert sent(subscribed) == [("stop", "2")]
    assert subscribed.deadline() == 20.0 + ANSWER
    assert subscribed.receive(text("start_ack", id="2"), now=46.0) == []


def test_stop_is_sent_once_and_nothing_is_reported_afterwards(subscribed: RealtimeProtocol) -> None:
    subscribed.stop(FIRST)
    subscribed.stop(FIRST)

    assert sent(subscribed) == [("stop", "1")]
    assert subscribed.receive(text("data", id="1", payload={}), now=0.0) == []
    assert subscribed.receive(text("complete", id="1"), now=0.0) == []


def test_keep_alive_moves_the_deadline_and_pushes_do_not(subscribed: RealtimeProtocol) -> None:
    subscribed.receive(text("ka"), now=60.0)
    subscribed.receive(text("data", id="1", payload={}), now=149.0)

    assert subscribed.deadline() == 60.0 + KEEP_ALIVE
    assert subscribed.expire(now=149.9) == []
    assert subscribed.expire(now=150.0) == [Lost("no `ka` came in time")]
    assert subscribed.state is State.CLOSED


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("not JSON", "not JSON"),
        ('{"type":"unheard"}', "JSON of another form"),
        ('{"type":"error","payload":{"errors":[{"message":"Rate limit exceeded"}]}}', "Rate limit exceeded"),
        ('{"type":"error"}', "without a reason"),
    ],
)
def test_message_about_nothing_known_loses_the_connection(
    subscribed: RealtimeProtocol, message: str, reason: str
) -> None:
    (event,) = subscribed.receive(message, now=0.0)

    assert isinstance(event, Lost)
    assert reason in event.reason


def test_closed_connection_reports_its_loss_once_and_does_nothing_else(subscribed: RealtimeProtocol) -> None:
    assert subscribed.lose("the socket was closed") == [Lost("the socket was closed")]

    assert subscribed.lose("again") == []
    assert subscribed.receive(text("data", id="1", payload={}), now=1.0) == []
    assert subscribed.expire(now=1_000.0) == []
    subscribed.stop(FIRST)
    assert (subscribed.to_send(), subscribed.deadline()) == ([], None)
    with pytest.raises(ProtocolError, match="this one is closed"):
        subscribed.start("{}", HEADERS, now=1.0)


# Conversations as captures of the service show them: (second, sender, text). The client's texts are what it must send.
Conversation = list[tuple[float, str, str]]

LIFE: Conversation = [
    (0.0, "client", '{"type":"connection_init"}'),
    (0.1, "server", '{"type":"connection_ack","payload":{"connectionTimeoutMs":300000}}'),
    (0.1, "server", '{"type":"ka"}'),
    (0.2, "client", '{"id":"1","type":"start","payload":{"data":"{}","extensions":{"authorization":{"host":"h"}}}}'),
    (0.3, "server", '{"id":"1","type":"start_ack"}'),
    (0.9, "server", '{"id":"1","type":"data","payload":{"data":{"onX":{"sequence":2}}}}'),
    (60.1, "server", '{"type":"ka"}'),
    (61.0, "server", '{"id":"1","type":"data","payload":{"data":{"onX":null},"errors":[{"message":"Cannot return"}]}}'),
    (62.0, "client", '{"id":"1","type":"stop"}'),
    (62.0, "server", '{"id":"1","type":"data","payload":{"data":{"onX":{"sequence":4}}}}'),
    (62.1, "server", '{"id":"1","type":"complete"}'),
]


def test_conversation_of_a_whole_subscription_is_understood() -> None:
    protocol = RealtimeProtocol(keep_alive=KEEP_ALIVE, answer=ANSWER, now=0.0)
    events: list[Event] = []

    for second, sender, message in LIFE:
        if sender == "server":
            events += protocol.receive(message, now=second)
            continue
        match json.loads(message)["type"]:
            case "start":
                protocol.start("{}", {"host": "h"}, now=second)
            case "stop":
                protocol.stop(FIRST)
        assert protocol.to_send() == [message]

    assert events == [Connected(), Acknowledged(FIRST), Pushed(FIRST, {"sequence": 2}), Pushed(FIRST, None)]
    assert protocol.deadline() == 60.1 + KEEP_ALIVE
