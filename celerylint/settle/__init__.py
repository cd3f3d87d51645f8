"""From what the rules found to what is reported."""
