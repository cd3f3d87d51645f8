"""What is known of other packages: which of their calls a second run repeats."""
