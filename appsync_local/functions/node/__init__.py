"""Functions that run on Node.js: finding Node.js, and the program that serves events there (the `.cjs` files).

`worker.cjs` is started by the fork server in place of a Python worker, and sends and receives the same frames.
"""
