"""What the target of a rule gets of an event."""

from typing import Any

import pytest

from local_stack.services.event_sources.inputs import input_of

EVENT = {"source": "shop", "detail": {"id": 7, "text": 'a "b"', "items": ["x", "y"]}}


def transformer(template: str, **paths: str) -> dict[str, Any]:
    return {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"fixed": 1}'}, {"fixed": 1}),
        ({"InputPath": "$.detail.items"}, ["x", "y"]),
        ({"InputPath": "$.missing"}, None),
        (transformer('{"message": <text>, "id": <id>}', text="$.detail.text", id="$.detail.id"),
         {"message": 'a "b"', "id": 7}),
        (transformer('{"message": "<id>: <text>"}', text="$.detail.text", id="$.detail.id"),
         {"message": '7: a "b"'}),
        (transformer('{"first": <first>, "all": <all>}', first="$.detail.items[0]", all="$.detail.items"),
         {"first": "x", "all": ["x", "y"]}),
        (transformer('"order <id> of <source>"', id="$.detail.id", source="$.source"), "order 7 of shop"),
        (transformer('{"event": <aws.events.event>, "none": <none>}', none="$.none"), {"event": EVENT, "none": None}),
        (transformer('{"quoted \\" <id>": 1}', id="$.detail.id"), {'quoted " 7': 1}),
    ],
)  # fmt: skip
def test_a_target_gets_what_it_asks_for(target: dict[str, Any], expected: Any) -> None:
    assert input_of(target, EVENT) == expected
