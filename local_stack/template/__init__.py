"""Runs the stack that a CloudFormation template describes."""
