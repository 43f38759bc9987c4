"""The databases of an application: the URLs that the command line and the environment give for its RDS data sources."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from appsync_local.api.model import DataSource, RdsSource
from local_stack.errors import OptionInvalid

VARIABLE: Final = "LONGCALL_DATABASES"
EXAMPLE: Final = "postgresql://user:password@127.0.0.1:5432/shop"


def database_urls(given: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The URLs by the name of a data source or of a database cluster.

    Args:
        given: The values of `--database`, as `NAME=URL`. They override those of the environment.
        environment: Its variable `VARIABLE` has such values too, with spaces between them. Other users of the machine
            can read a command line, but not the environment.

    Raises:
        OptionInvalid: A value does not have this form.
    """
    urls: dict[str, str] = {}
    for origin, values in ((VARIABLE, environment.get(VARIABLE, "").split()), ("--database", given)):
        for value in values:
            name, _, url = value.partition("=")
            if not name or "://" not in url or "://" in name:
                raise OptionInvalid(f"{origin} takes NAME=URL, as Shop={EXAMPLE}, and a value does not have this form")
            urls[name] = url
    return urls


def database_problems(sources: Iterable[DataSource], urls: Mapping[str, str]) -> tuple[str, ...]:
    """The RDS data sources without a URL, one sentence each."""
    return tuple(
        f"data source {it.name} runs statements on the database cluster {it.cluster}, which is not on this machine; "
        f"give the URL of a PostgreSQL or MySQL database in its place: --database {it.name}={EXAMPLE}"
        for it in sources
        if isinstance(it, RdsSource) and it.name not in urls and it.cluster not in urls
    )
