"""Runs the stack that a CloudFormation template describes.

assembly, reading, sam, loops, composition   from files to one `document`, with nested stacks and imports
parameters, evaluation, intrinsics, attributes   the values in it
policies, managed_policies                   who may do what
api, functions, packages, services           what is run: APIs, functions with their code, resources and event sources
problems, ignored                            what cannot be run, and what has no effect on one machine
stack, blueprint                             all of this together, as a `Blueprint`
"""
