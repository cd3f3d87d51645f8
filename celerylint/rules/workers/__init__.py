"""Rules about workers: what they take from the queue, and how they are run."""
