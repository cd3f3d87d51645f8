"""`python -m celerylint.dev <command> ...`: run the developer command of that name."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys

import celerylint.dev


def commands() -> tuple[str, ...]:
    """The names of the modules beside this one that define `main`, found by scan."""
    found = []
    for module in pkgutil.iter_modules(celerylint.dev.__path__):
        source = _source(module.name)
        if not module.name.startswith("_") and "\ndef main(" in source:
            found.append(module.name.replace("_", "-"))
    return tuple(sorted(found))


def main(argv: list[str]) -> int:
    """Hand the rest of the arguments to the named command; 2 if there is no such command."""
    name = argv[0] if argv else ""
    if name not in commands():
        print(f"usage: python -m celerylint.dev {{{','.join(commands())}}} ...", file=sys.stderr)
        return 2
    module = importlib.import_module(f"celerylint.dev.{name.replace('-', '_')}")
    return int(module.main(argv[1:]))


def _source(name: str) -> str:
    """A module's text, so that listing the commands imports none of them."""
    spec = importlib.util.find_spec(f"celerylint.dev.{name}")
    if spec is None or spec.origin is None:
        return ""
    with open(spec.origin, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
