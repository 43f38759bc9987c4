"""Sends the changes of one job to AppSync, in order, without delaying the work.

coalescing     output that waits to be sent (pure)
policies       when waiting output is sent (pure)
fencing        what an answer means for this worker (pure)
messages       updates and answers in their wire format (pure)
text           text that fits UTF-8, JSON and the limits of the contract (pure)
authorization  headers that prove who sends a request
appsync        one mutation over HTTP, and whether a failure is worth another try
delivery       repeats one update until it is answered or its time is over
publisher      the thread that sends, retries, and keeps the lease alive
"""
