"""The databases of an engine: their URLs, and the connections to them."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appsync_local.data_sources.rds.failures import DatabaseUnusable

if TYPE_CHECKING:  # imported on use, so that an API without a database starts faster
    from appsync_local.data_sources.rds.pool import ConnectionPool

POSTGRESQL_SCHEMES: Final = ("postgresql", "postgres")
MYSQL_SCHEMES: Final = ("mysql", "mariadb")
LIBRARIES: Final = {
    **dict.fromkeys(POSTGRESQL_SCHEMES, "'psycopg[binary]'"),
    **dict.fromkeys(MYSQL_SCHEMES, "mysql-connector-python"),
}  # what pip installs, by scheme
EXAMPLE: Final = "postgresql://user:password@127.0.0.1:5432/shop"


class Databases:
    """Opens each database when it is first used. Once closed, it opens none.

    Args:
        urls: By the name of a data source or of a database cluster, such as `postgresql://user@127.0.0.1:5432/shop`.
    """

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._pools: dict[str, ConnectionPool] = {}
        self._is_closed = False

    def pool_of(self, source: str, cluster: str) -> "ConnectionPool":
        """The connections of a data source.

        Args:
            source: Name of the data source.
            cluster: Name of its database cluster.

        Raises:
            DatabaseUnusable: Neither name has a URL, the URL is not one of a supported database, the library for it is
                not installed, or everything is closed.
        """
        url = self._urls.get(source) or self._urls.get(cluster)
        if url is None:
            raise DatabaseUnusable(
                f"data source {source} needs the database {cluster}, and no URL was given for it; give one by either "
                f"name, as {source}={EXAMPLE}"
            )
        if self._is_closed:
            raise DatabaseUnusable(f"the engine has stopped; the database of data source {source} is not opened again")
        if url not in self._pools:
            self._pools[url] = _pool(source, url)
        return self._pools[url]

    async def close(self) -> None:
        """Close every connection. Can be repeated."""
        self._is_closed = True
        for pool in self._pools.values():
            await pool.close()


def _pool(source: str, url: str) -> "ConnectionPool":
    from appsync_local.data_sources.rds.pool import ConnectionPool

    scheme = _scheme(source, url)
    try:
        if scheme in POSTGRESQL_SCHEMES:
            from appsync_local.data_sources.rds.postgresql import PostgreSqlConnection  # needs an optional library

            return ConnectionPool(partial(PostgreSqlConnection.open, url))
        if scheme in MYSQL_SCHEMES:
            from appsync_local.data_sources.rds.mysql import MySqlConnection  # as above

            return ConnectionPool(partial(MySqlConnection.open, url))
    except ImportError as missing:
        raise DatabaseUnusable(
            f"the library for the database of data source {source} cannot be imported ({missing}); install it with "
            f"pip install {LIBRARIES[scheme]}"
        ) from None
    raise DatabaseUnusable(
        f"the URL of the database of data source {source} begins with {scheme or 'no scheme'!r}; supported are "
        f"{', '.join(LIBRARIES)}, as {EXAMPLE}"
    )


def _scheme(source: str, url: str) -> str:
    """The scheme of a URL that can be parsed. A message does not repeat the URL, which may contain a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # is parsed here
    except ValueError:
        raise DatabaseUnusable(
            f"the database of data source {source} has a URL that cannot be parsed; escape special characters of the "
            f"password, such as / as %2F, and see that the port is a number, as in {EXAMPLE}"
        ) from None
    return parts.scheme
