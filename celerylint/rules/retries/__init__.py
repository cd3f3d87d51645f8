"""What is tried again, how often and how far apart."""
