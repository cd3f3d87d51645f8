"""What is lost or run twice when a worker dies."""
