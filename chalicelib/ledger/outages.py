"""Which errors of a ledger's library mean that the job log cannot be reached now, and may be reached later.

Source:
    Amazon DynamoDB Developer Guide, "Error handling with DynamoDB"; SQLite, "Result and Error Codes".
"""

import sqlite3
import sys
from typing import Any, Final

_CODES: Final = frozenset(
    {
        "InternalServerError", "LimitExceededException", "ProvisionedThroughputExceededException",
        "RequestLimitExceeded", "RequestTimeout", "ServiceUnavailable", "ThrottlingException",
        "TransactionInProgressException",
    }
)  # fmt: skip


def is_outage(error: Exception) -> bool:
    """Whether the same request may succeed later: no connection, no answer in time, no capacity, or a full disk."""
    if isinstance(error, sqlite3.OperationalError):
        return True
    exceptions: Any = sys.modules.get("botocore.exceptions")  # importing it here would cost every cold start 100 ms
    if exceptions is None:
        return False
    if isinstance(error, exceptions.ClientError):
        response: Any = getattr(error, "response", {})
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return response.get("Error", {}).get("Code") in _CODES or status >= 500
    return isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError)
