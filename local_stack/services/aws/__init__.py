"""AWS services of an application on this machine: moto's, behind a check of every request.

moto             starts the process and keeps it running
process          the process. `front` checks and serves requests, `catalogue` lists the services, `refusals` has errors,
                 `step_functions` lets state machines reach the other services and Lambda
resources        creates the resources of a template
client           calls the services
login            the developer's own login for AWS, for `--allow-aws`
"""
