"""How Sphinx builds the site: `sphinx-build -W docs site`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from celerylint import __version__

project = "celerylint"
version = release = __version__
copyright = "the celerylint authors"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"celerylint {__version__}"
html_copy_source = False
html_extra_path = ["celerylint.schema.json"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
nitpicky = True

_REPOSITORY = "https://github.com/celerylint/celerylint/blob/main/"


def setup(app):
    """Let links that leave `docs/` lead to the repository."""
    app.connect("source-read", _outwards)


def _outwards(app, name, source):
    source[0] = source[0].replace("](../fixtures", f"]({_REPOSITORY}fixtures")
