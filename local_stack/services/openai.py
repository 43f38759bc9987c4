"""OpenAI-compatible servers for a stack on one machine: the worker calls the one that the developer has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from local_stack.blueprint import Blueprint

WORKER: Final = "app.inference"
URL: Final = "LONGCALL_OPENAI_URL"
OLLAMA: Final = "http://127.0.0.1:11434/v1"  # where it listens unless it is told otherwise
OWN: Final = (URL, "LONGCALL_OPENAI_KEY", "LONGCALL_OPENAI_SILENCE_SECONDS")  # of the developer's environment


def with_openai(blueprint: Blueprint, url: str | None, environment: Mapping[str, str]) -> Blueprint:
    """The same stack, with a server for the worker.

    Args:
        blueprint: Whose stage may name a server of its own.
        url: As asked for; None: the environment's, the stage's, or Ollama's, in this order.
        environment: Of the developer, with the server's key, where it has one.
    """
    said = {name: environment[name] for name in OWN if environment.get(name)} | ({} if url is None else {URL: url})
    functions = tuple(
        replace(it, environment={URL: OLLAMA, **it.environment, **said}) if it.handler == WORKER else it
        for it in blueprint.functions
    )
    return replace(blueprint, functions=functions)
