"""A workload that is not a model: a sales report from CSV text with the columns day (2026-11-25) and amount."""

import csv
from decimal import Decimal, InvalidOperation
from itertools import groupby, islice
from typing import Any

from longcall.workloads import (
    Checkpoint,
    Chunk,
    Context,
    Outcome,
    OutOfTime,
    Progress,
    Request,
    Work,
    WorkloadFailed,
    workload,
)


@workload("example.report")
def report(request: Request, context: Context) -> Work:
    """One line per month, as soon as it is added up, and one total line. Rows must be sorted by day."""
    rows = list(csv.DictReader(request.text.splitlines()))
    state: Any = context.checkpoint or {"rows": 0, "total": "0"}
    done, total = state["rows"], Decimal(state["total"])
    while done < len(rows):
        if context.seconds_left() == 0:
            raise OutOfTime
        try:
            month, sales = next(groupby(islice(rows, done, None), lambda row: row["day"][:7]))
            amounts = [Decimal(sale["amount"]) for sale in sales]
        except (KeyError, TypeError, InvalidOperation) as error:
            raise WorkloadFailed(
                f"{request.model} expects a day and an amount in each row, but a row after row {done} lacks one; "
                "send CSV with the columns day and amount"
            ) from error
        done, total = done + len(amounts), total + sum(amounts)
        yield Chunk(f"{month}  {len(amounts)} sales  {sum(amounts)}\n")
        yield Progress(done / len(rows), f"{done} of {len(rows)} rows")
        yield Checkpoint({"rows": done, "total": str(total)})
    yield Chunk(f"total  {len(rows)} sales  {total}\n")
    return Outcome(None, {"rows": len(rows)})
