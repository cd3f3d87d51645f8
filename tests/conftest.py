"""Tests speak for a run on somebody's machine, also where they run on a build server."""

from __future__ import annotations

import os

os.environ.pop("GITHUB_ACTIONS", None)
