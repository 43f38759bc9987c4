"""The OpenAI-compatible server that the worker of a local stack calls."""

from dataclasses import replace
from pathlib import Path

from appsync_local.functions.spec import FunctionSpec
from infrastructure.api import API
from local_stack.blueprint import Blueprint, LocalApi
from local_stack.services.openai import OLLAMA, with_openai

OWN = "http://127.0.0.1:8080/v1"
STAGES = "https://models.example/v1"


def environment(
    url: str | None = None, *, of: dict[str, str] | None = None, stage: str | None = None
) -> dict[str, str]:
    """The worker's environment."""
    given = {} if stage is None else {"LONGCALL_OPENAI_URL": stage}
    worker = FunctionSpec(name="inference", handler="app.inference", environment=given, timeout=1.0, memory_mb=128)
    relay = replace(worker, name="status_relay", handler="app.status_relay", environment={})
    blueprint = Blueprint(
        apis=(LocalApi(API, schema=Path(), code=Path()),),
        root=Path(),
        functions=(worker, relay),
        principals=(),
        schedules=(),
    )
    worker, relay = with_openai(blueprint, url, of or {}).functions
    assert relay.environment == {}  # no other function has the key
    return dict(worker.environment)


def test_ollama_is_called_by_default() -> None:
    assert environment() == {"LONGCALL_OPENAI_URL": OLLAMA}


def test_stage_names_its_own_server() -> None:
    assert environment(stage=STAGES) == {"LONGCALL_OPENAI_URL": STAGES}


def test_environment_overrides_the_stage_and_the_option_overrides_both() -> None:
    assert environment(stage=STAGES, of={"LONGCALL_OPENAI_URL": OWN}) == {"LONGCALL_OPENAI_URL": OWN}
    assert environment(OWN, stage=STAGES, of={"LONGCALL_OPENAI_URL": OLLAMA}) == {"LONGCALL_OPENAI_URL": OWN}


def test_key_and_silence_limit_come_from_the_developers_environment() -> None:
    developer = {"LONGCALL_OPENAI_KEY": "sk-1", "LONGCALL_OPENAI_SILENCE_SECONDS": "9", "OPENAI_API_KEY": "sk-2"}

    assert environment(OWN, of=developer) == {
        "LONGCALL_OPENAI_URL": OWN, "LONGCALL_OPENAI_KEY": "sk-1", "LONGCALL_OPENAI_SILENCE_SECONDS": "9",
    }  # fmt: skip
