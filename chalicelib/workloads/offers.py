"""Which models a stage offers to callers: the registry, as far as the stage allows it. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from chalicelib.jobs.errors import InvalidRequest
from chalicelib.workloads import registry
from chalicelib.workloads.registry import Registration

_WILDCARD: Final = re.compile(r"[*?\[]")  # as `fnmatch` reads them


class Offer(Struct, frozen=True):
    """A model that callers may use.

    Attributes:
        name: The model's name; if there is a `pattern`, an example.
        pattern: Names that are accepted too: `*` stands for any text. None if only `name` is accepted.
        registration: The workload that runs it.
    """

    name: str
    pattern: str | None
    registration: Registration


def offers(allowed: Sequence[str]) -> list[Offer]:
    """The models that a stage offers, in the order of the registry.

    Args:
        allowed: Names of the models that the stage runs; `*` matches any text.
    """
    found = [offer for entry in registry.registrations() for offer in _of(entry, allowed)]
    return list({(offer.name, offer.pattern): offer for offer in found}.values())


def _of(entry: Registration, allowed: Sequence[str]) -> Iterator[Offer]:
    if entry.pattern is None:
        yield from (Offer(name, None, entry) for name in entry.models if registry.is_allowed(name, allowed))
        return
    for name in allowed:
        head, is_wildcard = _WILDCARD.split(name)[0], _WILDCARD.search(name) is not None
        if not is_wildcard and _runs(entry, name):
            yield Offer(name, None, entry)
        elif is_wildcard and entry in registry.open_to(head):
            pattern = name if head else f"{entry.prefix}*"
            example = next((it for it in entry.models if registry.is_allowed(it, [name])), pattern)
            yield Offer(example, pattern, entry)


def _runs(entry: Registration, model: str) -> bool:
    try:
        return registry.find(model) is entry
    except InvalidRequest:
        return False
