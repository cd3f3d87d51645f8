"""A linter for Celery projects: it reads task modules and configuration without running them."""

__version__ = "0.1.0"
