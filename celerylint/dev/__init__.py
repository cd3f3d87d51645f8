"""Developer commands: `python -m celerylint.dev`. Not part of the wheel."""
