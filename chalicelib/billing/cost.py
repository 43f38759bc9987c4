"""Computes what a job cost from what it used: an itemised estimate. Pure.

Two kinds of items are estimated: the relay's time (`RELAY_TIME`), which is not known before the call ends, and the
units of reads and writes, which only DynamoDB knows exactly. All others are counted. One watcher is assumed, connected
from the job's start to its end.
"""

import math
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from chalicelib.billing import prices
from chalicelib.billing.prices import ModelPrice, price_of
from chalicelib.jobs.model import Json
from chalicelib.jobs.usage import Counts

RELAY_TIME: Final = 20 * 512  # megabyte-milliseconds that one call of the relay takes, warm
MEGABYTE_MILLISECONDS: Final = 1024 * 1000  # in a gigabyte-second
DIGITS: Final = 12  # after the point, of amounts: one read unit costs 0.000000125 US dollars


class Item(Struct, frozen=True):
    """One line of an invoice: `quantity` of `unit`, each at `price`."""

    name: str
    quantity: float
    unit: str
    price: float
    amount: float

    def render(self) -> dict[str, Json]:
        return {
            "name": self.name, "quantity": self.quantity, "unit": self.unit, "price": self.price, "amount": self.amount
        }  # fmt: skip


class Invoice(Struct, frozen=True):
    """What a job cost at the prices of `prices.PRICES_OF`. `notes` name what is missing or only assumed."""

    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """The sum of the amounts."""
        return round(math.fsum(item.amount for item in self.items), DIGITS)

    def render(self) -> dict[str, Json]:
        """A `Cost` of the contract."""
        return {
            "currency": prices.CURRENCY,
            "pricesOf": prices.PRICES_OF,
            "total": self.total,
            "items": [item.render() for item in self.items],
            "notes": list(self.notes),
        }


def invoice(counts: Counts, model: str, *, seconds: float) -> Invoice:
    """The bill for the counted use.

    Args:
        counts: What was used.
        model: Its price is charged for tokens.
        seconds: From the job's start to its end.
    """
    price = price_of(model)
    items = [*_items_of_aws(counts, seconds), *(() if price is None else _items_of_model(counts, price))]
    return Invoice(tuple(item for item in items if item.quantity and item.price), tuple(_notes(model, price)))


def model_cost(counts: Counts, price: ModelPrice | None) -> float:
    """US dollars for the tokens; 0 where the model has no price."""
    return 0.0 if price is None else math.fsum(item.amount for item in _items_of_model(counts, price))


def publishing_cost(operations: int, pushes: int) -> float:
    """US dollars for updates of a job, with their pushes and writes.

    Args:
        operations: Updates that were sent. What they wrote is estimated: a projection is one unit everywhere it goes.
        pushes: Units in which they reached one watcher; a record is written in about as many.
    """
    each = math.fsum(
        (
            prices.OPERATION,
            prices.INVOCATION,
            prices.GIGABYTE_SECOND * RELAY_TIME / MEGABYTE_MILLISECONDS,
            prices.WRITE_UNIT * 4,
            prices.READ_UNIT,
        )
    )
    return each * operations + (prices.PUSH + prices.WRITE_UNIT) * pushes


# What a job costs before its worker does anything, and by ending: the first record is written in 10 units, and the last
# one, with the bill in it, in about as many; an update in 5.
START_COST: Final = publishing_cost(1, 0) + 6 * prices.WRITE_UNIT + prices.INVOCATION
END_COST: Final = publishing_cost(1, 1) + 5 * prices.WRITE_UNIT


def worker_cost(milliseconds: float, megabytes: int) -> float:
    """US dollars for a worker's time."""
    return prices.GIGABYTE_SECOND * milliseconds * megabytes / MEGABYTE_MILLISECONDS


def _items_of_aws(counts: Counts, seconds: float) -> Iterator[Item]:
    yield _item("AppSync operations", counts.operations, "operation", prices.OPERATION)
    yield _item("AppSync real-time updates", counts.pushes, "5 KB", prices.PUSH)
    yield _item("AppSync connection", round(seconds / 60, 6), "minute", prices.CONNECTION_MINUTE)
    yield _item("Lambda requests", counts.operations + counts.invocations, "request", prices.INVOCATION)
    yield _item("Lambda time of workers", _gigabyte_seconds(counts.worker_time), "GB-second", prices.GIGABYTE_SECOND)
    relay = _gigabyte_seconds(counts.operations * RELAY_TIME)
    yield _item("Lambda time of the relay", relay, "GB-second", prices.GIGABYTE_SECOND)
    yield _item("DynamoDB writes", counts.writes, "write unit", prices.WRITE_UNIT)
    yield _item("DynamoDB reads", counts.reads, "read unit", prices.READ_UNIT)
    yield _item("S3 writes", counts.object_writes, "request", prices.OBJECT_WRITE)
    yield _item("S3 reads", counts.object_reads, "request", prices.OBJECT_READ)


def _items_of_model(counts: Counts, price: ModelPrice) -> Iterator[Item]:
    yield _item("input tokens", counts.input_tokens, "token", price.input)
    yield _item("cached input tokens", counts.cached_tokens, "token", price.cached)
    yield _item("output tokens", counts.output_tokens, "token", price.output)


def _notes(model: str, price: ModelPrice | None) -> Iterator[str]:
    if price is None:
        yield f"the price of {model[:120]} is not known here, so its tokens are not in the total"
    elif price.as_if is not None:
        yield f"{model} costs nothing; its tokens are charged as if it were {price.as_if}"


def _item(name: str, quantity: float, unit: str, price: float) -> Item:
    return Item(name, quantity, unit, price, round(quantity * price, DIGITS))


def _gigabyte_seconds(megabyte_milliseconds: int) -> float:
    return round(megabyte_milliseconds / MEGABYTE_MILLISECONDS, 6)
