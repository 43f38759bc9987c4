"""What a resolver talks to. Each data source takes the request handler's answer and gives `ctx.result`."""

from appsync_local.data_sources.aws_lambda import LambdaDataSource
from appsync_local.data_sources.protocol import EXECUTION_LIMIT, DataSource

__all__ = ["EXECUTION_LIMIT", "DataSource", "LambdaDataSource"]
