"""Delivers messages of queues, records of streams, events of rules and notifications of topics to functions.

running            one task for each source; `queues` and `streams` read them, as often as `looking` says
filters, inputs    what of a message, record or event a function gets
records            the events that Lambda makes of them
mutations          sends the GraphQL operations of rules to the APIs of the stack
"""
