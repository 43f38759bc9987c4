"""Models behind servers that speak OpenAI's protocol. `chat` runs them; nothing is imported with the package."""
