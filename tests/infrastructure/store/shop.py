"""The Lambda functions of the store: what things cost, and a carrier."""

from typing import Any


def prices(event: Any, context: object) -> Any:
    return [len(sku) * 100 for sku in event] if isinstance(event, list) else event


def carrier(event: Any, context: object) -> None:
    """Takes the parcel, and says nothing."""
