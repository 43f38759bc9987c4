"""The AWS services that a local stack starts or calls: Cognito, S3, DynamoDB, Bedrock, OpenAI-compatible servers."""
