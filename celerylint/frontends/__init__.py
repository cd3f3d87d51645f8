"""Ways to call the engine: the command line and flake8."""
