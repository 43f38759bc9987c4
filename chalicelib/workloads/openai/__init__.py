"""Models behind servers that speak OpenAI's protocol. `chat` runs them. The package itself imports nothing."""
