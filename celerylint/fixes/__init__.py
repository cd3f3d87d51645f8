"""Carries out the edits that findings offer. Knows nothing of Celery."""
