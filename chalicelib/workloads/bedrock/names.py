"""Names of models on Amazon Bedrock: which texts are valid names, and which names mean the same model. Pure."""

import re
from typing import Final

# With which ids of inference profiles begin.
GEOGRAPHIES: Final = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")

# Providers of models. An unknown one is accepted, unless it is nearly one of these.
# Source: Amazon Bedrock User Guide, "Supported foundation models in Amazon Bedrock".
PROVIDERS: Final = (
    "ai21", "amazon", "anthropic", "cohere", "deepseek", "google", "luma", "meta", "minimax", "mistral", "moonshot",
    "moonshotai", "nvidia", "openai", "qwen", "stability", "twelvelabs", "writer", "zai",
)  # fmt: skip

# An id is `provider.model`, such as `meta.llama3-1-8b-instruct-v1:0`. An inference profile adds a geography in front,
# such as `us.meta.llama3-1-8b-instruct-v1:0`. Everything else has only an ARN.
# Source: Amazon Bedrock API Reference, ConverseStream, modelId; "Supported Regions and models for inference profiles".
_ID: Final = rf"(?:(?:{'|'.join(GEOGRAPHIES)})\.)?[a-z][a-z0-9]*\.[a-z][a-z0-9.-]*[a-z0-9](?::[a-z0-9]+){{0,2}}"
_ARN: Final = (
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:(?:\d{12})?:(?P<kind>[a-z-]+)/(?P<id>[A-Za-z0-9./:-]+)"
    r"|arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:endpoint/[A-Za-z0-9-]+"  # a model of Bedrock Marketplace
)
MODEL: Final = re.compile(f"(?=.{{1,2048}}$)(?:{_ID}|{_ARN})")

# Kinds of ARN that end with the id of the same model.
_BY_ID: Final = frozenset({"foundation-model", "inference-profile"})


def plain_id(model: str) -> str:
    """The id of a model or system-defined inference profile, given the id or its ARN; any other text unchanged."""
    found = MODEL.fullmatch(model)
    return found["id"] if found and found["kind"] in _BY_ID else model
