"""Whether a service's message is about the length of the conversation."""

import pytest

from chalicelib.workloads.model_failures import is_about_length


@pytest.mark.parametrize(
    "message",
    [
        "the request exceeds the available context size, try increasing it",
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 20 `max_new_tokens`",
        "`inputs` must have less than 1024 tokens. Given: 2000",
        "too many total text bytes: 26000000 > 25000000",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Input is too long for requested model.",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Please reduce the length of the messages or completion.",
        "Request too large for model `m` in organization `o` on tokens per minute (TPM)",
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "Too many input tokens. Max input tokens: 42000, request input token count: 88888",
        "The prompt does not fit into the context",
        "Input length 9000 exceeds maximum length 8192",
    ],
)
def test_messages_about_the_length(message: str) -> None:
    assert is_about_length(message)


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 99999. This model supports at most 4096 completion tokens",
        "The maximum value for max_tokens is 4096",
        "temperature must be <= 2",
        "The image is larger than 5 MB",
        "unsupported content in messages[0]",
        "max_tokens must be at least 1",
        "Rate limit reached for tokens per minute: limit 10000, used 9990",
        "stop: too many stop sequences",
        "The request is missing a model",
        "",
    ],
)
def test_messages_about_something_else(message: str) -> None:
    assert not is_about_length(message)
