"""What a task does when it runs twice, or in the wrong place."""
