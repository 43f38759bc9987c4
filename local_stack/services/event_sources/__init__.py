"""Delivers messages of queues, records of streams, events of rules and notifications of topics to functions.

running            one task for each source; `queues` and `streams` read them
filters, inputs    what of a message, record or event a function gets
records            the events that Lambda makes of them
"""
