"""The DynamoDB data source, for any endpoint with the DynamoDB protocol."""
