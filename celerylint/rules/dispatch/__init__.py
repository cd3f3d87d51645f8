"""Rules about how tasks are sent: with which arguments and options, when, and what becomes of the result."""
