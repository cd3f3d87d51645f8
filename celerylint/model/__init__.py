"""What a project means: its modules run in the abstract, and what Celery would make of them."""
