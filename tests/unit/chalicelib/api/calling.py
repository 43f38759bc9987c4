"""Calls of the relay as AppSync makes them, without a network."""

import uuid
from collections.abc import Mapping
from typing import Any

from chalicelib.api.relay import Relay
from tests.support.memory_objects import MemoryObjects

ADA = {"sub": "ada", "issuer": "https://issuer", "username": "ada", "claims": {}}
ADA_BY_LAMBDA = {"resolverContext": {"sub": "ada", "username": "ada"}}
GRACE = {"sub": "grace", "issuer": "https://issuer", "username": "grace", "claims": {}}
BACKEND = {"userArn": "arn:aws:sts::123456789012:assumed-role/worker/inference", "accountId": "123456789012"}
ID = "7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11"
NOVA = "amazon.nova-lite-v1:0"


def ask(relay: Relay, field: str, arguments: Mapping[str, Any], identity: Any = ADA, selection: Any = ()) -> Any:
    return relay.answer({"field": field, "arguments": arguments, "identity": identity, "selection": selection})


def start(relay: Relay, identity: Any = ADA, **values: Any) -> Any:
    return ask(relay, "startInference", {"input": {"prompt": "Hi", "model": "simulated.story", **values}}, identity)


def update(relay: Relay, **values: Any) -> Any:
    return ask(relay, "updateStatus", {"input": {"jobId": ID, "status": "PROCESSING", **values}}, BACKEND)


def claim(relay: Relay, request_id: str = "event") -> Any:
    return update(relay, requestId=request_id, updateId=str(uuid.uuid4()))["data"]


def refusal(answer: Any) -> str:
    assert set(answer) == {"error"}
    return str(answer["error"]["type"])


def kept(relay: Relay) -> MemoryObjects:
    assert isinstance(relay.objects, MemoryObjects)
    return relay.objects


def meter(operations: int, **counts: int) -> dict[str, int]:
    zero = dict.fromkeys(("pushes", "milliseconds", "megabytes", "inputTokens", "cachedInputTokens", "outputTokens"), 0)
    return {"operations": operations, **zero, **counts}


def bill(answer: Any) -> dict[str, float]:
    return {item["name"]: item["quantity"] for item in answer["cost"]["items"]}
