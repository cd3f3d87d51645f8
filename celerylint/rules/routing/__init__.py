"""Rules about queues: which one a task goes to, and who decided it."""
