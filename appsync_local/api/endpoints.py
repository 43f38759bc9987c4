"""The paths at which an API is served, as clients sign and request them."""

from typing import Final

GRAPHQL_PATH: Final = "/graphql"
REALTIME_PATH: Final = "/graphql/realtime"
