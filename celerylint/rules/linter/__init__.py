"""Rules about the run itself: what could not be read, and comments that do not do what they say."""
