"""Cognito and the bucket of a data folder, which the engine serves beside the API, at the API's port."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from chalicelib.objects.keys import lifetimes
from local_stack.addresses import BUCKET_PATH, COGNITO_PATH
from local_stack.folder_secret import FolderSecret
from local_stack.services.bucket.server import Bucket
from local_stack.services.bucket.store import ObjectStore
from local_stack.services.cognito.pool import REGION, Pool, PoolRules, pool_of
from local_stack.services.cognito.server import Cognito
from local_stack.services.cognito.users import Users


@dataclass(frozen=True, slots=True)
class LocalServices:
    """The services of one data folder, while they are open.

    Attributes:
        pool: The user pool, with its test users.
        cognito: Serves the pool.
        bucket: Serves the bucket.
        bucket_keys: The access keys that may use the bucket, the secrets by their ids. Keys may be added.
    """

    pool: Pool
    cognito: Cognito
    bucket: Bucket
    bucket_keys: dict[str, str]


@contextmanager
def local_services(
    data: Path,
    secret: FolderSecret,
    *,
    address: str,
    users: int,
    rules: PoolRules,
    retention: timedelta,
    operator: tuple[str, str],
) -> Iterator[LocalServices]:
    """Open the services of a data folder until the block ends.

    Args:
        data: The folder.
        secret: Of the folder.
        address: The address of the engine, as http://127.0.0.1:4000.
        users: Number of test users.
        rules: What the user pool allows.
        retention: Lifetime of a job, and so of its objects.
        operator: Access key id and secret of the operator, who may use everything.
    """
    pool = pool_of(secret, endpoint=f"{address}{COGNITO_PATH}", users=users, rules=rules)
    database = Users(data / "users.db")
    store = None
    try:
        cognito = Cognito(pool, secret, database, operators=dict([operator]), path=COGNITO_PATH)
        store = ObjectStore(data / "bucket", lifetimes=lifetimes(retention))
        keys = dict([operator])
        bucket = Bucket(store, keys, region=REGION, path=BUCKET_PATH)
        yield LocalServices(replace(pool, users=cognito.test_users), cognito, bucket, keys)
    finally:
        database.close()
        if store is not None:
            store.close()
