"""What a task does when it runs twice: its effects, what guards them, and what makes it run again."""
