"""Models on Amazon Bedrock. `converse` runs them. The package itself imports nothing."""
