"""The payloads that AppSync and Lambda send, and the answers. Each is parsed and rendered in one module."""
