"""A module of a layer."""


def label(cents: int, currency: str) -> str:
    return f"{cents / 100:.2f} {currency}"
