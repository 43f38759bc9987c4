"""Chooses the OpenAI-compatible server that the worker of a local stack calls."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from local_stack.blueprint import Blueprint

WORKER: Final = "app.inference"
URL: Final = "LONGCALL_OPENAI_URL"
OLLAMA: Final = "http://127.0.0.1:11434/v1"  # its default address
DEVELOPER_VARIABLES: Final = (URL, "LONGCALL_OPENAI_KEY", "LONGCALL_OPENAI_SILENCE_SECONDS")


def with_openai(blueprint: Blueprint, url: str | None, environment: Mapping[str, str]) -> Blueprint:
    """The same blueprint, with a server for the worker.

    Args:
        blueprint: Its stage may name a server.
        url: The server that was asked for; None: that of the environment, the stage, or Ollama, in this order.
        environment: The developer's environment variables, which may contain a server and its key.
    """
    chosen = {name: environment[name] for name in DEVELOPER_VARIABLES if environment.get(name)} | (
        {} if url is None else {URL: url}
    )
    functions = tuple(
        replace(it, environment={URL: OLLAMA, **it.environment, **chosen}) if it.handler == WORKER else it
        for it in blueprint.functions
    )
    return replace(blueprint, functions=functions)
