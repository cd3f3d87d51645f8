"""What the linter says of itself and of the comments that speak to it. No project is asked: settling finds these."""
