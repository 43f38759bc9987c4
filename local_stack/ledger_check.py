"""The check of the ledger that is made before a stack starts."""

import sqlite3
from pathlib import Path

from appsync_local.functions.database_check import find_damage
from chalicelib.jobs.model import JobId
from chalicelib.ledger import SQLITE, open_ledger
from local_stack.errors import StackError


def check_ledger(location: str) -> None:
    """Read from the ledger once, so that a mistake is reported before anything is started.

    Args:
        location: sqlite:<path> or dynamodb:<table>.

    Raises:
        StackError: The ledger cannot be read.
        MissingSettings: The ledger needs a setting that is missing.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        damage = find_damage(Path(location.removeprefix(SQLITE))) if location.startswith(SQLITE) else None
        if damage is not None:
            raise StackError(
                f"the ledger {location} is damaged ({damage}); put a copy of the file in its place, or move it away "
                f"to start without its jobs"
            )
        open_ledger(location).head(JobId("none"))
    except (OSError, sqlite3.Error, BotoCoreError, ClientError) as exc:
        raise StackError(
            f"the ledger {location} cannot be read ({exc}); check --ledger, and for DynamoDB that the table exists"
        ) from exc
