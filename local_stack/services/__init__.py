"""The services that a local stack starts or calls.

cognito, bucket (S3), lambda_api   served by the engine, at the API's port
aws                                AWS services of an application: moto in a process of its own
event_sources                      invokes functions with what queues, streams, rules and topics deliver
functions                          what `lambda_api` and `event_sources` need to invoke a function
bedrock, openai                    which models the worker calls, and with which login
signatures                         the check of every signed request
"""
