"""Brings one job's changes to AppSync, in order, without holding up the work that makes them.

coalescing     what waits to be sent (pure)
policies       when it is worth an update of its own (pure)
fencing        what an answer means for this worker (pure)
messages       updates and answers as they look on the wire (pure)
text           text that fits UTF-8, JSON and the limits of the contract (pure)
authorization  headers that prove who sends a request
appsync        one `updateStatus` mutation over HTTP, and whether its failure is worth another try
delivery       one update, tried until it is answered or its time is up
publisher      the thread that sends, retries, and keeps the lease alive
"""
