"""What deployment files mean: which processes a platform starts, and what they run."""
