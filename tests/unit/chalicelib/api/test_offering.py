"""`listModels`: the models that a stage offers, and what each of them accepts."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.api.relay import Relay
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import registry, simulated
from chalicelib.workloads.offers import offers
from chalicelib.workloads.options import SPECS, Option
from infrastructure.stages import STAGES
from tests.unit.chalicelib.api.calling import BACKEND, GRACE, ask, refusal

FAILING = [f"simulated.{scene.value}" for scene in simulated.Scene if scene is not simulated.Scene.STORY]
BEDROCK, OPENAI = "amazon.nova-micro-v1:0", "openai/llama3.2"


def named(allowed: Sequence[str]) -> list[tuple[str, str | None]]:
    return [(offer.name, offer.pattern) for offer in offers(allowed)]


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (["local.*", "simulated.story"], [("simulated.story", None), ("local.textrank", None)]),
        (["local.*", "amazon.nova-lite-v1:0"], [("local.textrank", None), ("amazon.nova-lite-v1:0", None)]),
        (["openai/*"], [(OPENAI, "openai/*")]),
        (["openai/gpt-5", "openai/gpt-4*"], [("openai/gpt-5", None), ("openai/gpt-4*", "openai/gpt-4*")]),
        (["anthropic.*"], [("anthropic.*", "anthropic.*")]),
        (["amazon.*"], [(BEDROCK, "amazon.*")]),
        (["local*", "loc*"], [("local.textrank", None)]),
        (["local.textrank", "local.*"], [("local.textrank", None)]),
        (["no such model"], []),
        (["*"], [("simulated.story", None), *[(name, None) for name in FAILING], ("simulated.echo", None),
                 ("local.textrank", None), (BEDROCK, "*"), (OPENAI, "openai/*")]),
    ],
)  # fmt: skip
def test_offered_are_the_models_that_the_stage_allows(allowed: list[str], expected: list[object]) -> None:
    assert named(allowed) == expected


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_what_is_offered_can_be_started_with_each_of_its_options(stage: Any) -> None:
    values: dict[Option, Any] = {
        Option.SYSTEM: "x", Option.MAX_TOKENS: 1, Option.TEMPERATURE: 0.0, Option.PROCESS_TIME: 0.0,
        Option.TOP_P: 1.0, Option.STOP_SEQUENCES: ("x",),
    }  # fmt: skip
    found = offers(stage.models)

    assert found
    for offer in found:
        for option in values.keys() & offer.registration.options:
            field = {"maxTokens": "max_tokens", "processTime": "process_time", "topP": "top_p",
                     "stopSequences": "stop_sequences"}.get(option, option.value)  # fmt: skip
            request = replace(InferenceRequest("text", offer.name), **{field: values[option]})
            registry.check(request, allowed=stage.models)


def test_a_model_is_described_with_its_options_bounds_and_defaults(relay: Relay) -> None:
    models = {it["name"]: it for it in ask(replace(relay, models=("simulated.*",)), "listModels", {})["data"]}
    story = models["simulated.story"]
    options = {it["name"]: it for it in story["options"]}

    assert (story["pattern"], story["priced"]) == (None, True)
    assert options["processTime"] == {
        "name": "processTime", "type": "NUMBER", "description": "How long it takes, in seconds.",
        "minimum": 0, "maximum": 7200.0, "default": simulated.DEFAULT_SECONDS,
    }  # fmt: skip
    assert options["maxTokens"]["default"] == simulated.DEFAULT_WORDS
    assert (options["temperature"]["minimum"], options["temperature"]["maximum"]) == (0, 2.0)
    assert "images" not in options
    assert [it["maximum"] for it in models["simulated.error"]["options"] if it["name"] == "processTime"] == [840.0]


def test_every_option_and_every_workload_is_described() -> None:
    assert set(SPECS) == set(Option)
    for text in (*(it.description for it in registry.REGISTRY), *(spec.description for spec in SPECS.values())):
        assert text.endswith(".")
        assert len(text) < 120
    assert len({entry.description for entry in registry.REGISTRY}) == len(registry.REGISTRY)


def test_the_same_is_offered_to_every_caller_and_nothing_to_the_backend(relay: Relay) -> None:
    assert json.dumps(ask(relay, "listModels", {})) == json.dumps(ask(relay, "listModels", {}, GRACE))
    assert refusal(ask(relay, "listModels", {}, BACKEND)) == "Unauthorized"
    assert refusal(ask(relay, "listModels", {}, None)) == "Unauthorized"
