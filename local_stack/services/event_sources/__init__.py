"""Delivers messages of queues, records of streams, events of rules and notifications of topics to functions."""
