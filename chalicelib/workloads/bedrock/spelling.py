"""Recognises misspelt names of models on Amazon Bedrock. Pure.

A name that is unknown but nearly a known one is misspelt. Any other unknown name is accepted: Bedrock gets new models.
"""

import difflib
import re
from typing import Final

from chalicelib.workloads.bedrock.names import GEOGRAPHIES, MODEL, PROVIDERS

NEARLY_A_PROVIDER: Final = 0.75  # of `difflib`'s ratio
NEARLY_A_MODEL: Final = 0.95  # one letter of a whole name

# Names without versions and sizes.
_MODELS: Final = (
    "amazon.nova-lite", "amazon.nova-micro", "amazon.nova-premier", "amazon.nova-pro", "anthropic.claude",
    "anthropic.claude-haiku", "anthropic.claude-opus", "anthropic.claude-sonnet",
)  # fmt: skip
_ID: Final = re.compile(
    rf"(?P<geography>(?:(?:{'|'.join(GEOGRAPHIES)})\.)?)(?P<provider>[a-z][a-z0-9]*)(?P<name>\.[a-z-]*[a-z])(?P<rest>.*)"
)
_VERSION: Final = re.compile(r"-v$")


def correction(model: str) -> str | None:
    """The name that was probably meant; None if `model` is no id of a model on Bedrock, or is spelt well."""
    found = _ID.fullmatch(model)
    if found is None or not MODEL.fullmatch(model):
        return None
    provider, name, rest = found["provider"], found["name"], found["rest"]
    if provider not in PROVIDERS:
        near = difflib.get_close_matches(provider, PROVIDERS, n=1, cutoff=NEARLY_A_PROVIDER)
        return f"{found['geography']}{near[0]}{name}{rest}" if near else None
    version = "-v" if _VERSION.search(name) else ""
    base = f"{provider}{_VERSION.sub('', name)}"
    nearest = [] if base in _MODELS else difflib.get_close_matches(base, _MODELS, n=1, cutoff=NEARLY_A_MODEL)
    return f"{found['geography']}{nearest[0]}{version}{rest}" if nearest else None
