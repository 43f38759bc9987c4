"""Prices, metering, cost and budgets."""
