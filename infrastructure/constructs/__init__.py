"""CDK constructs. `jobs` has everything of the jobs but their API, for both forms of a deployment:

graphql_endpoint, backend   an API and handlers of our own, for `infrastructure.stacks`
long_running_jobs           an API that exists, and handlers as plain functions (`functions`); `longcall.cdk` exports it
console, console_site       the web console of a stage

Every other module is one part that these use.
"""
