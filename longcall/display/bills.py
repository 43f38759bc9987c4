"""An itemised cost as a table and its notes. Pure."""

from collections.abc import Iterator

from rich.table import Table

from longcall.display.text import line
from longcall.models import Cost


def bill(cost: Cost) -> Table:
    """One row for each item, and the total."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", show_footer=True)
    table.add_column("", "total", no_wrap=True, footer_style="bold")
    table.add_column("quantity", no_wrap=True, justify="right")
    table.add_column("of", no_wrap=True)
    table.add_column("each", no_wrap=True, justify="right")
    table.add_column("amount", f"{cost.total:.8f}", no_wrap=True, justify="right", footer_style="bold")
    for item in cost.items:
        table.add_row(
            line(item.name), f"{item.quantity:,.6g}" if item.quantity < 1e6 else f"{item.quantity:,.0f}",
            line(item.unit), f"{item.price:.12f}".rstrip("0"), f"{item.amount:.8f}",
        )  # fmt: skip
    return table


def bill_notes(cost: Cost) -> Iterator[str]:
    """The notes to a bill, one row each."""
    yield from (line(note) for note in cost.notes)
    yield f"{line(cost.currency)}, by the public prices of {line(cost.prices_of)}; only AWS's own bill is binding"
