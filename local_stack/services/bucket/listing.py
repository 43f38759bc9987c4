"""Which objects ListObjectsV2 and ListObjects return."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from local_stack.services.bucket.errors import S3Error
from local_stack.services.bucket.store import LAST, ObjectStore, StoredObject

MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a request asks for.

    Attributes:
        prefix: The beginning of the keys.
        delimiter: Keys with it after the prefix are returned as one folder each; empty for none.
        after: Only greater keys are returned.
        most: Keys and folders in one answer.
        token: The continuation token that `after` was read from.
        is_encoded: Whether keys are percent-encoded in the answer.
        is_second_version: Whether the operation is ListObjectsV2.
    """

    prefix: str
    delimiter: str
    after: str
    most: int
    token: str | None
    is_encoded: bool
    is_second_version: bool

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "ListQuery":
        """Read the parameters of a URL.

        Raises:
            S3Error: One of them cannot be used.
        """
        is_second, token = parameters.get("list-type") == "2", parameters.get("continuation-token")
        after = parameters.get("start-after" if is_second else "marker", "")
        most = parameters.get("max-keys", str(MOST))
        if not most.isdecimal() or not most.isascii():
            raise S3Error("InvalidArgument", "Provided max-keys not an integer or within integer range", 400)
        if token is not None:
            try:
                after = base64.urlsafe_b64decode(token).decode()
            except (binascii.Error, ValueError):
                raise S3Error("InvalidArgument", "The continuation token provided is incorrect", 400) from None
        return cls(
            prefix=parameters.get("prefix", ""),
            delimiter=parameters.get("delimiter", ""),
            after=after,
            most=min(int(most), MOST),
            token=token,
            is_encoded=parameters.get("encoding-type") == "url",
            is_second_version=is_second,
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """One answer. `next_after` is None if it is the last one."""

    query: ListQuery
    objects: list[StoredObject]
    folders: list[str]
    next_after: str | None

    @property
    def next_token(self) -> str | None:
        """The continuation token of the next answer."""
        return None if self.next_after is None else base64.urlsafe_b64encode(self.next_after.encode()).decode()


def listing(store: ObjectStore, query: ListQuery) -> Listing:
    """The objects and folders that a request asks for."""
    objects: list[StoredObject] = []
    folders: list[str] = []
    after = query.after
    for stored in store.listed(prefix=query.prefix, after=after):
        folder = _folder(stored.key, query)
        if folder is not None and (after.startswith(folder) or (folders and folders[-1] == folder)):
            continue
        if len(objects) + len(folders) >= query.most:
            return Listing(query, objects, folders, after if query.most else None)
        if folder is None:
            objects.append(stored)
            after = stored.key
        else:
            folders.append(folder)
            after = folder + LAST
    return Listing(query, objects, folders, None)


def _folder(key: str, query: ListQuery) -> str | None:
    """The key up to the first delimiter after the prefix; None if it has none."""
    if not query.delimiter:
        return None
    head, delimiter, _ = key[len(query.prefix) :].partition(query.delimiter)
    return query.prefix + head + delimiter if delimiter else None
