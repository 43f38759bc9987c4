"""Lambda functions on one machine: warm worker processes, forked from a preloaded one, and a durable `Event` queue.

Import `FunctionSpec` from `.spec` and `FunctionRuntime` from `.runtime`. This file must not import anything: the fork
server imports it too, and every worker gets a copy of what is loaded there.

    engine process                                 fork server (one thread)        worker (one event at a time)
    runtime ─► delivery ─► event_queue             (schedule ─► delivery, at intervals)
       └──────────┴──► pool ─► fork_server_client ── spawn, kill ──► fork_server ── fork ──► worker ─► handler
                         └──────────────── one socket for each worker: event, result ────────────┘

A worker of a function for Node.js is the program in `node/`, which replaces the forked process.
"""
