"""Rules about names that Celery does not read, and settings that do not do what they say."""
