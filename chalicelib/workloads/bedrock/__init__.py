"""Models on Amazon Bedrock. `converse` runs them; nothing else of the package is imported with it."""
