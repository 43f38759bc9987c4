"""The realtime messages: what goes over the wire, and what is refused."""

import json

import pytest

from longcall import GraphQLFault, ProtocolError
from longcall.realtime.messages import (
    Complete,
    ConnectionAck,
    ConnectionFailed,
    ConnectionInit,
    Data,
    Failed,
    KeepAlive,
    ServerMessage,
    Start,
    StartAck,
    Stop,
    SubscriptionId,
    parse_message,
)

ID = SubscriptionId("1")
EVENT = {"jobId": "j1", "sequence": 1}


def test_client_messages_are_spelt_as_the_service_expects_them() -> None:
    start = Start(ID, '{"query":"subscription {x}"}', {"Authorization": "token", "host": "api.example.com"})

    assert json.loads(ConnectionInit().serialise()) == {"type": "connection_init"}
    assert json.loads(Stop(ID).serialise()) == {"id": "1", "type": "stop"}
    assert json.loads(start.serialise()) == {
        "id": "1",
        "type": "start",
        "payload": {
            "data": '{"query":"subscription {x}"}',
            "extensions": {"authorization": {"Authorization": "token", "host": "api.example.com"}},
        },
    }


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ({"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}}, ConnectionAck()),
        ({"type": "ka"}, KeepAlive()),
        ({"type": "start_ack", "id": "1"}, StartAck(ID)),
        ({"type": "complete", "id": "1"}, Complete(ID)),
        ({"type": "complete", "id": "1", "payload": {"message": "Subscription complete."}}, Complete(ID)),
        ({"type": "data", "id": "1", "payload": {"data": {"onX": EVENT}}}, Data(ID, EVENT)),
        (
            {"type": "error", "id": "1", "payload": {"errors": [{"errorType": "Unauthorized", "message": "no"}]}},
            Failed(ID, (GraphQLFault("no", "Unauthorized"),)),
        ),
        (
            {"type": "error", "payload": {"errors": {"errorType": "LimitExceededError", "message": "slow down"}}},
            Failed(None, (GraphQLFault("slow down", "LimitExceededError"),)),
        ),
        ({"type": "error", "id": ""}, Failed(None, ())),
        (
            {"type": "connection_error", "payload": {"errors": [{"message": "NoProtocolError", "errorCode": 400}]}},
            ConnectionFailed((GraphQLFault("NoProtocolError"),)),
        ),
        ({"type": "connection_error"}, ConnectionFailed(())),
    ],
)
def test_server_message_is_parsed(wire: object, message: ServerMessage) -> None:
    assert parse_message(json.dumps(wire)) == message
    assert parse_message(json.dumps(wire).encode()) == message


@pytest.mark.parametrize(
    "payload",
    [None, "text", {}, {"data": None}, {"data": {}}, {"data": {"onX": None}}, {"data": {"onX": EVENT}, "errors": [{}]}],
)
def test_data_that_cannot_be_used_is_a_push_without_fields(payload: object) -> None:
    assert parse_message(json.dumps({"type": "data", "id": "1", "payload": payload})) == Data(ID, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ka",
        "[]",
        "{}",
        '{"type": 7}',
        '{"type": "unheard"}',
        '{"type": "start_ack"}',
        '{"type": "data", "id": 1}',
        b"\xff\xfe\xff",
    ],
)
def test_text_that_is_not_a_message_is_refused(text: str | bytes) -> None:
    with pytest.raises(ProtocolError, match="expected a realtime message"):
        parse_message(text)
