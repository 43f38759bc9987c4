"""Amazon DynamoDB as a data source, at any endpoint that speaks its protocol."""
