"""The data sources of resolvers: each one executes a request object and returns `ctx.result`."""

from appsync_local.data_sources.aws_lambda import LambdaDataSource
from appsync_local.data_sources.protocol import EXECUTION_LIMIT, DataSource

__all__ = ["EXECUTION_LIMIT", "DataSource", "LambdaDataSource"]
