"""A CloudFormation template read as a stack for one machine."""
