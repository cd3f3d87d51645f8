"""Rules about beat: what is sent on schedule, how often, and by how many."""
