"""The services of AWS, and of models, that a stack on one machine uses."""
