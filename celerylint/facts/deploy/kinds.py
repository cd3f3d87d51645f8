"""Which files say how a project is deployed, and in what format: by their names first, then by their bytes, nothing parsed."""

from __future__ import annotations

import re

_TEMPLATE_SUFFIX = r"\.(?:j2|jinja2?|tpl|tmpl|template|in)$"
_SUFFIXES = (".yml", ".yaml", ".conf", ".ini", ".service", ".sh", ".bash")
_TEMPLATE_SUFFIXES = (".j2", ".jinja", ".jinja2", ".tpl", ".tmpl", ".template")
_BARE = frozenset(
    ("AUTHORS", "CHANGELOG", "CHANGES", "COPYING", "Gemfile", "INSTALL", "Jenkinsfile", "LICENSE", "Makefile", "NOTICE")
)
_JSON = r"app|.*(?:task|ecs|definition|rabbit).*"
_DOCKERFILE = r"(?:.*[._-])?(?:Dockerfile|Containerfile|dockerfile)(?:[._-].*)?"
_PROCFILE = r"(?:.*\.)?Procfile(?:\..*)?"

_COMPOSE = r"(?:.*[._-])?(?:compose|stack)(?:[._-].*)?\.ya?ml|.*docker-compose.*\.ya?ml"
_VALUES = r"values(?:[._-].*)?\.ya?ml"
_KUSTOMIZATION = r"[Kk]ustomization(?:\.ya?ml)?"

# Python compiles these when they are first asked for, which most runs never do.
_KEY = rb"(?m)^[ \t]*(?:-[ ]+)?[\"']?"
_API = _KEY + rb"apiVersion[\"']?[ ]*:"
_RESOURCE = (
    _KEY + rb"kind[\"']?[ ]*:[ ]*[\"']?(?:\{\{|(?:Deployment|StatefulSet|DaemonSet|CronJob|Job|Pod|ReplicaSet|"
    rb"HorizontalPodAutoscaler|ScaledObject|ConfigMap|List|Service|Ingress|IngressRoute|HTTPRoute|VirtualService|"
    rb"Route|DeploymentConfig|Rollout|RabbitmqCluster|Policy|PersistentVolumeClaim)\b)"
)
_SERVICES = rb"(?m)^services[ ]*:"
_OLD_SERVICE = rb"(?m)^[ ]{1,8}(?:image|build|command|extends)[ ]*:"
_STARTS = rb"(?m)^[ \t]+(?:command|entrypoint|image)[ ]*:"
_MATTERS = (b"elery", b"CELERY", b"flower", b"redis", b"valkey", b"rabbitmq")
_PROGRAM = rb"(?m)^[ \t]*\[(?:program|fcgi-program|eventlistener):"
_FROM = rb"(?mi)^[ \t]*FROM[ \t]+\S"
_MULTI = rb"(?m)^[ \t]*(?:export[ \t]+)?CELERY(?:D|BEAT|EV)?_\w+="
_ASSIGNMENT = rb"[ \t]*(?:export[ \t]+)?[A-Za-z_][\w.-]*[ \t]*=|[ \t]*(?:#|$)"
_SHELL = rb"#![^\n]*sh\b"


def may_deploy(name: str) -> bool:
    """Whether a file of that name can be a deployment file. Asked for every file of a project.

    Hidden files are not: they are read where another file names them.
    """
    if name.startswith("."):
        return False
    if name.endswith(_SUFFIXES) or "." not in name:
        return name not in _BARE
    if name.endswith(".json"):
        return re.fullmatch(_JSON, name[:-5].lower()) is not None
    return name.endswith(_TEMPLATE_SUFFIXES) or _by_name(name) != ""


def certain(path: str) -> bool:
    """Whether the name alone says that a file is a deployment file, so that one that cannot be read is worth a word."""
    name = _name(path)
    return (
        _by_name(name) != ""
        or re.fullmatch(_COMPOSE, name) is not None
        or re.fullmatch(_KUSTOMIZATION, name) is not None
    )


def kind_of(path: str, source: bytes) -> str | None:
    """The kind of a deployment file, as in `DeployFacts`; None for a file that is none, or that has nothing to do with Celery.

    Compose files, manifests, Dockerfiles and the like are kept whatever they mention: what they start may be in another file.
    """
    name = _name(path)
    named = _by_name(name)
    if named:
        return named if _holds(named, source) else None
    if name.endswith((".yml", ".yaml")) or re.fullmatch(_KUSTOMIZATION, name):
        return _yaml(name, source)
    if name.endswith(".json"):
        return _json(name, source)
    if not source.startswith(b"#!") and re.search(_PROGRAM, source):
        return "supervisor"
    if name.endswith(".conf") and (broker := _broker(path)):
        return broker
    return _script(name, source)


def kind_if_named(path: str, source: bytes) -> str | None:
    """The kind of a file that a deployment file names: a script, unless it says otherwise; None for programs of other languages."""
    found = kind_of(path, source)
    if found:
        return found
    name = _name(path)
    if name.endswith((".yml", ".yaml", ".json")):
        return "compose" if re.search(_SERVICES, source) else "manifest" if re.search(_API, source) else "values"
    if name.endswith(".conf") and (broker := _broker(path)):
        return broker
    if source.startswith(b"#!") or name.endswith((".sh", ".bash")):
        return "script" if re.match(_SHELL, source) or not source.startswith(b"#!") else None
    if b"\0" in source[:1000] or name.endswith((".py", ".js", ".rb", ".pl", ".toml", ".cfg", ".txt", ".md")):
        return None
    is_environment = (
        ".env" in name or name.endswith("env") or all(re.match(_ASSIGNMENT, line) for line in source.splitlines()[:200])
    )
    return "environment" if is_environment and source.strip() else "script"


def _name(path: str) -> str:
    """The last part of a path, without the suffix of a template."""
    return re.sub(_TEMPLATE_SUFFIX, "", path.rpartition("/")[2])


def _by_name(name: str) -> str:
    if not name.endswith(".service") and "file" not in name:
        return ""
    if re.fullmatch(_DOCKERFILE, name):
        return "dockerfile"
    if re.fullmatch(_PROCFILE, name):
        return "procfile"
    return "systemd" if name.endswith(".service") else ""


def _holds(kind: str, source: bytes) -> bool:
    """Whether a file whose name says what it is holds it."""
    if kind == "dockerfile":
        return re.search(_FROM, source) is not None
    return b"ExecStart" in source if kind == "systemd" else b":" in source


def _yaml(name: str, source: bytes) -> str | None:
    if re.fullmatch(_KUSTOMIZATION, name):
        return "kustomization"
    if b"ontainerDefinitions" in source:
        return "ecs"
    if b"apiVersion" in source and re.search(_API, source):
        return "manifest" if re.search(_RESOURCE, source) else None
    if re.fullmatch(_COMPOSE, name):
        return "compose" if re.search(_SERVICES, source) or re.search(_OLD_SERVICE, source) else None
    if re.fullmatch(_VALUES, name):
        return "values"
    if b"services" in source and re.search(_SERVICES, source) and re.search(_STARTS, source) and _mentions(source):
        return "compose"
    return None


def _json(name: str, source: bytes) -> str | None:
    if b"ontainerDefinitions" in source:
        return "ecs"
    if name == "app.json":
        return "heroku" if b'"formation"' in source else None
    if b'"vhosts"' in source or (b'"policies"' in source and b'"pattern"' in source):
        return "definitions"
    return None


def _broker(path: str) -> str | None:
    *folders, name = path.lower().split("/")
    if "redis" in name or "valkey" in name:
        return "redis"
    return "rabbitmq" if "rabbitmq" in name or "rabbitmq" in folders[-1:] or "rabbitmq" in folders[-2:-1] else None


def _script(name: str, source: bytes) -> str | None:
    if not _mentions_celery(source):
        return None
    if name.endswith((".sh", ".bash")) or re.match(_SHELL, source):
        return "script"
    is_plain = not name.endswith(".ini") and not source.startswith(b"#!")
    return "environment" if is_plain and re.search(_MULTI, source) else None


def _mentions(source: bytes) -> bool:
    return any(word in source for word in _MATTERS)


def _mentions_celery(source: bytes) -> bool:
    return any(word in source for word in _MATTERS[:3])
