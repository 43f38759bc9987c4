"""Longcall on AWS: the API and the stages as values, the package of the handlers, constructs and stacks for CDK."""
