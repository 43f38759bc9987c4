"""AWS's prices for what a job uses: one table, for one region, on one day.

The prices are those of US East (N. Virginia), in US dollars, without free tiers, discounts and taxes, as of
`PRICES_OF`. Only the pages named in `SOURCES` are binding. Every price of the package is in this module.
"""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from chalicelib.workloads.bedrock.names import GEOGRAPHIES

PRICES_OF: Final = "2026-11-25"
CURRENCY: Final = "USD"
REGION: Final = "us-east-1"

MILLION: Final = 1_000_000

SOURCES: Final[Mapping[str, str]] = {
    "AppSync": "https://aws.amazon.com/appsync/pricing/",
    "Lambda": "https://aws.amazon.com/lambda/pricing/",
    "DynamoDB": "https://aws.amazon.com/dynamodb/pricing/on-demand/",
    "S3": "https://aws.amazon.com/s3/pricing/",
    "Bedrock": "https://aws.amazon.com/bedrock/pricing/",
}

# AWS AppSync pricing, "AppSync GraphQL": query and data modification operations; real-time updates, each 5 KB of a
# message counting as one; time that clients are connected.
OPERATION: Final = 4.00 / MILLION
PUSH: Final = 2.00 / MILLION
PUSH_SIZE: Final = 5 * 1024  # bytes
CONNECTION_MINUTE: Final = 0.08 / MILLION

# AWS Lambda pricing: requests; duration of functions on x86, first tier.
INVOCATION: Final = 0.20 / MILLION
GIGABYTE_SECOND: Final = 0.0000166667

# Amazon DynamoDB pricing, on-demand capacity, table class Standard. Writes are metered by 1 KB of an item, reads by 4.
WRITE_UNIT: Final = 0.625 / MILLION
WRITE_SIZE: Final = 1024  # bytes
READ_UNIT: Final = 0.125 / MILLION
READ_SIZE: Final = 4 * 1024  # bytes

# Amazon S3 pricing, S3 Standard: PUT and GET requests.
OBJECT_WRITE: Final = 0.005 / 1_000
OBJECT_READ: Final = 0.0004 / 1_000


class ModelPrice(Struct, frozen=True):
    """US dollars for one token. `as_if` names the model whose price stands in, for one that costs nothing."""

    input: float
    output: float
    cached: float  # for an input token that was read from the model's cache
    as_if: str | None = None


class _Line(Struct, frozen=True):
    """One line of the table, in US dollars per million tokens."""

    input: float
    cached: float
    output: float
    premium: float = 1.0  # factor of every profile but the global one


# Amazon Bedrock pricing, on-demand, text, standard tier; a model of Anthropic's from Claude Haiku 4.5 on costs a tenth
# more where its region or geography is fixed than by its global inference profile. Models with a second price for long
# contexts are not here: this table has one price for each.
_MODELS: Final[Mapping[str, _Line]] = {
    "amazon.nova-micro": _Line(0.035, 0.00875, 0.14),
    "amazon.nova-lite": _Line(0.06, 0.015, 0.24),
    "amazon.nova-pro": _Line(0.80, 0.20, 3.20),
    "amazon.nova-premier": _Line(2.50, 0.625, 12.50),
    "anthropic.claude-3-haiku": _Line(0.25, 0.25, 1.25),
    "anthropic.claude-3-5-haiku": _Line(0.80, 0.08, 4.00),
    "anthropic.claude-3-7-sonnet": _Line(3.00, 0.30, 15.00),
    "anthropic.claude-sonnet-4": _Line(3.00, 0.30, 15.00),
    "anthropic.claude-haiku-4-5": _Line(1.00, 0.10, 5.00, premium=1.1),
    "anthropic.claude-sonnet-4-5": _Line(3.00, 0.30, 15.00, premium=1.1),
    "anthropic.claude-sonnet-4-6": _Line(3.00, 0.30, 15.00, premium=1.1),
    "anthropic.claude-sonnet-5": _Line(2.00, 0.20, 10.00, premium=1.1),
    "anthropic.claude-sonnet-5-5": _Line(2.00, 0.10, 10.00, premium=1.1),
    "anthropic.claude-opus-4-5": _Line(5.00, 0.50, 25.00, premium=1.1),
    "anthropic.claude-opus-4-6": _Line(5.00, 0.50, 25.00, premium=1.1),
    "anthropic.claude-opus-4-7": _Line(5.00, 0.50, 25.00, premium=1.1),
    "anthropic.claude-opus-4-8": _Line(5.00, 0.50, 25.00, premium=1.1),
    "anthropic.claude-opus-5": _Line(5.00, 0.50, 25.00, premium=1.1),
    "anthropic.claude-opus-5-5": _Line(4.00, 0.20, 20.00, premium=1.1),
}
STAND_IN: Final = "amazon.nova-micro-v1:0"  # what simulated models are charged as, so that budgets can be tried
FREE: Final = ModelPrice(0.0, 0.0, 0.0)

# An inference profile is the model's id behind its geography; an ARN ends with either. A version may follow a name.
_NAME: Final = re.compile(
    rf"(?:.*/)?(?:(?P<geography>{'|'.join(GEOGRAPHIES)})\.)?(?P<model>[a-z]+\.[a-z0-9-]+?)"
    r"(?:-\d{8})?(?:-v\d+)?(?::\w+)*"
)


def price_of(model: str) -> ModelPrice | None:
    """What a token of the model costs, or None if the table has no price for it.

    Args:
        model: As a job names it: one of our own, or a Bedrock model's id, inference profile, or the ARN of either. The
            ARN of an application's inference profile does not name its model, so it has no price.
    """
    if model.startswith("simulated."):
        known = price_of(STAND_IN)
        return None if known is None else ModelPrice(known.input, known.output, known.cached, as_if=STAND_IN)
    if model.startswith("local."):
        return FREE
    if model.startswith("openai/"):
        return None  # the server sets the price, so the model's name does not determine it
    found = _NAME.fullmatch(model)
    line = _MODELS.get(found["model"]) if found else None
    if found is None or line is None:
        return None
    factor = 1.0 if found["geography"] == "global" else line.premium
    return ModelPrice(line.input * factor / MILLION, line.output * factor / MILLION, line.cached * factor / MILLION)
