"""Kubernetes manifests: workloads and the containers of their pods, laid over by Kustomize, scaled by autoscalers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from celerylint.facts.deploy.ir import ListNode, MapNode, Scalar, Tree
from celerylint.finding import Place
from celerylint.model.deploy import containers, kustomize
from celerylint.model.deploy.containers import Container, World
from celerylint.model.deploy.layers import Held, Layers
from celerylint.model.deploy.manifests import Bundle, Resource, plain, resources
from celerylint.model.deploy.process import UNKNOWN, Known, Process, Word
from celerylint.model.deploy.texts import Text, known_text, located, number, place_of, replaced

GRACE = Known(30, None)
"""Seconds that Kubernetes waits before it kills."""
_POD = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_TEMPLATE = ("spec", "template", "spec")
_WORKLOADS = frozenset(
    {
        *("DaemonSet", "Deployment", "DeploymentConfig", "Job", "ReplicaSet", "ReplicationController", "Rollout"),
        *("StatefulSet", "CronJob", "Pod"),
    }
)


# --- bundles ----------------------------------------------------------------------------------------------------------


def bundles(world: World) -> Iterator[Bundle]:
    """What is applied together: what a kustomization gathers, else the manifests of a folder."""
    gathered = yield from kustomize.bundles(world)
    folders: dict[str, list[Resource]] = {}
    why: dict[str, str] = {}
    for facts in sorted(world.facts.values(), key=lambda facts: facts.path):
        if facts.kind == "manifest" and facts.path not in gathered:
            reason = world.why(facts.path)
            # Files for development may lie beside the others.
            folder = f"{posixpath.dirname(facts.path) or '.'}{' ' if reason else ''}"
            folders.setdefault(folder, []).extend(resources(facts))
            why[folder] = reason
    for folder, held in folders.items():
        yield Bundle(f"manifests in {folder.strip()}", tuple(held), why[folder])


# --- workloads --------------------------------------------------------------------------------------------------------


class _Around(NamedTuple):
    """What a bundle holds beside its workloads."""

    maps: Mapping[str, Mapping[str, str | None]]
    """ConfigMaps by name."""
    scalers: tuple[Resource, ...]
    open_services: tuple[tuple[frozenset[tuple[str, str]], Resource], ...]
    """Services that are reached from outside of the cluster, with the labels that they select."""


def _around(bundle: Bundle) -> _Around:
    backends = {name for resource in bundle.resources for name in _backends(resource)}
    services = [resource for resource in bundle.resources if resource.kind == "Service"]
    reached = (r for r in services if r.name in backends or _service_type(r) in ("LoadBalancer", "NodePort"))
    return _Around(
        {**dict(_config_maps(bundle)), **bundle.values},
        tuple(r for r in bundle.resources if r.kind in ("HorizontalPodAutoscaler", "ScaledObject")),
        tuple((frozenset(_labels(_selector(service))), service) for service in reached),
    )


def _selector(service: Resource) -> Held | None:
    spec = service.node.get("spec")
    selector = spec.get("selector") if isinstance(spec, MapNode) else None
    return Held(service.path, selector) if selector is not None else None


def _service_type(service: Resource) -> str:
    spec = service.node.get("spec")
    return plain(spec.get("type")) if isinstance(spec, MapNode) else ""


def processes(bundle: Bundle, world: World) -> Iterator[Process]:
    """What the workloads of a bundle run: a process for each container that stays up."""
    around = _around(bundle)
    for resource in bundle.resources:
        if resource.kind in _WORKLOADS and resource.name:
            workload, whole = _patched(resource, bundle)
            if workload is not None:
                yield from _of_workload(workload, resource.kind, bundle, around, world, whole)


def _patched(resource: Resource, bundle: Bundle) -> tuple[Layers | None, bool]:
    """A workload with the patches that concern it; None where one takes it away."""
    metadata = resource.node.get("metadata")
    name = metadata.get("name") if isinstance(metadata, MapNode) else None
    place = place_of(resource.path, name or resource.node)
    layers: list[tuple[str, MapNode]] = [(resource.path, resource.node)]
    whole = bundle.whole
    for patch in bundle.patches:
        if patch.kind not in ("", resource.kind) or not _named(patch.name, resource.name):
            continue
        if isinstance(patch.node.node, ListNode):
            base = [kustomize.operated(node, patch.node.node) for _, node in layers[:1]]
            if len(layers) != 1 or base[0] is None:
                whole = False
            else:
                layers = [(resource.path, base[0])]
        elif isinstance(patch.node.node, MapNode):
            if plain(patch.node.node.get("$patch")) == "delete":
                return None, whole
            layers.append((patch.node.path, patch.node.node))
    return Layers(resource.name, place, tuple(layers)), whole


_PLAIN_PATTERN = re.compile(r"\^?[-A-Za-z0-9|_.]*(?:\.\*[-A-Za-z0-9|_.]*){0,2}\$?")


def _named(pattern: str, name: str) -> bool:
    """Whether a name is meant; only simple patterns are taken for any, since the others may take for ever."""
    if pattern in ("", name):
        return True
    return _PLAIN_PATTERN.fullmatch(pattern) is not None and re.fullmatch(pattern, name) is not None


def _of_workload(
    workload: Layers, kind: str, bundle: Bundle, around: _Around, world: World, whole: bool
) -> Iterator[Process]:
    where = _POD.get(kind, _TEMPLATE)
    running = list(_containers(workload, where))
    grace = _text(workload.find(*where, "terminationGracePeriodSeconds"))
    attributes = dict(_attributes(workload, kind, where, around))
    for layers in running:
        held = _container(layers, around)
        started = containers.start(held, world)
        image = _text(layers.find("image"))
        own = {**attributes, **dict(_of_container(layers)), **dict(containers.variables(held))}
        missing = next(_missing(layers, around.maps), None)
        if missing is not None:
            own["variables_elsewhere"] = Known(True, missing)
        folder = containers.folder_of(held, started.image)
        yield Process(
            platform=bundle.platform,
            name=workload.name if len(running) == 1 else f"{workload.name}/{layers.name}",
            place=workload.place,
            deployment=bundle.name,
            invocations=started.invocations,
            complete=started.complete and whole,
            replicas=_replicas(workload, kind, bundle),
            grace=number(grace) if grace is not None else GRACE,
            development=bundle.development,
            attributes={
                **own,
                **({"image": known_text(image)} if image is not None else {}),
                **({"folder": Known(folder, None)} if folder is not None else {}),
            },
        )


def _containers(workload: Layers, where: tuple[str, ...]) -> Iterator[Layers]:
    """Containers that stay up, by name: those that only prepare are left out, unless they restart beside the others."""
    for key in ("containers", "initContainers"):
        found: dict[str, list[tuple[str, MapNode]]] = {}
        for held in workload.gather(*where, key):
            for item in held.node.items if isinstance(held.node, ListNode) else ():
                if isinstance(item, MapNode):
                    found.setdefault(plain(item.get("name")), []).append((held.path, item))
        for name, layers in found.items():
            container = Layers(name, place_of(layers[0][0], layers[0][1]), tuple(layers))
            if any(plain(node.get("$patch")) == "delete" for _, node in layers):
                continue
            if key == "containers" or _said(container.find("restartPolicy")) == "Always":
                yield container


def _text(held: Held | None) -> Text | None:
    return located(held.path, held.node) if held is not None and isinstance(held.node, Scalar) else None


def _said(held: Held | None) -> str:
    return plain(held.node) if held is not None else ""


def _container(layers: Layers, around: _Around) -> Container:
    variables = dict(_environment(layers, around.maps))
    image, workdir = _text(layers.find("image")), _text(layers.find("workingDir"))
    return Container(
        path=layers.layers[-1][0],
        place=layers.place,
        entrypoint=_words(layers.find("command"), variables),
        command=_words(layers.find("args"), variables),
        environment=variables,
        name=image.text if image is not None else UNKNOWN,
        workdir=workdir.text if workdir is not None else "",
        label=layers.name,
    )


_VARIABLE = re.compile(r"\$\$|\$\(([-._A-Za-z][-._A-Za-z0-9]*)\)")


def _words(held: Held | None, variables: Mapping[str, str | None]) -> tuple[Word, ...] | None:
    """Words with `$(NAME)` replaced; None where none are written. An empty list counts as none."""
    if held is None or not isinstance(held.node, ListNode) or not held.node.items:
        return None
    texts = (located(held.path, item) for item in held.node.items if isinstance(item, Scalar))
    return tuple(_expanded(text, variables).word() for text in texts)


def _expanded(text: Text, variables: Mapping[str, str | None]) -> Text:
    return replaced(text, _VARIABLE, lambda match: "$" if match[1] is None else variables.get(match[1]))


def _environment(layers: Layers, maps: Mapping[str, Mapping[str, str | None]]) -> Iterator[tuple[str, str | None]]:
    """Variables of a container: from ConfigMaps that are here, then its own. Those of secrets are not known."""
    for held in layers.gather("envFrom"):
        for item in held.node.items if isinstance(held.node, ListNode) else ():
            source = item.get("configMapRef") if isinstance(item, MapNode) else None
            if isinstance(item, MapNode) and isinstance(source, MapNode):
                prefix = plain(item.get("prefix"))
                for name, text in maps.get(plain(source.get("name")), {}).items():
                    yield f"{prefix}{name}", text
    known: dict[str, str | None] = {}
    for held in layers.gather("env"):
        for item in held.node.items if isinstance(held.node, ListNode) else ():
            if isinstance(item, MapNode):
                value, name = item.get("value"), plain(item.get("name"))
                if isinstance(value, Scalar):
                    text = _expanded(located(held.path, value), known).text
                    known[name] = None if UNKNOWN in text else text
                else:
                    known[name] = _from(item.get("valueFrom"), maps)
    yield from known.items()


def _missing(layers: Layers, maps: Mapping[str, Mapping[str, str | None]]) -> Iterator[Place]:
    """Secrets and ConfigMaps that variables are taken from wholesale, and that are not here."""
    for held in layers.gather("envFrom"):
        for item in held.node.items if isinstance(held.node, ListNode) else ():
            source = item.get("configMapRef") if isinstance(item, MapNode) else None
            if not isinstance(source, MapNode) or plain(source.get("name")) not in maps:
                yield place_of(held.path, item)


def _from(source: Tree | None, maps: Mapping[str, Mapping[str, str | None]]) -> str | None:
    reference = source.get("configMapKeyRef") if isinstance(source, MapNode) else None
    if not isinstance(reference, MapNode):
        return None
    return maps.get(plain(reference.get("name")), {}).get(plain(reference.get("key")))


def _config_maps(bundle: Bundle) -> Iterator[tuple[str, Mapping[str, str | None]]]:
    for resource in bundle.resources:
        data = resource.node.get("data")
        if resource.kind == "ConfigMap" and isinstance(data, MapNode):
            yield resource.name, {e.key: e.value.text for e in data.entries if isinstance(e.value, Scalar)}


# --- how many, and how they are replaced ------------------------------------------------------------------------------


def _replicas(workload: Layers, kind: str, bundle: Bundle) -> Known:
    if workload.name in bundle.counts:
        return bundle.counts[workload.name]
    if kind == "DaemonSet":
        return Known(None, workload.place)
    keys = {"CronJob": ("spec", "jobTemplate", "spec", "parallelism"), "Job": ("spec", "parallelism")}
    held = _text(workload.find(*keys.get(kind, ("spec", "replicas"))))
    return number(held) if held is not None else Known(1, None)


def _attributes(workload: Layers, kind: str, where: tuple[str, ...], around: _Around) -> Iterator[tuple[str, Known]]:
    kind_held = workload.find("kind")
    yield "kind", Known(kind, place_of(kind_held.path, kind_held.node) if kind_held else None)
    if kind == "Deployment":
        strategy = _text(workload.find("spec", "strategy", "type"))
        yield "strategy", known_text(strategy) if strategy is not None else Known("RollingUpdate", None)
        surge = _text(workload.find("spec", "strategy", "rollingUpdate", "maxSurge"))
        if surge is not None:
            yield "max_surge", known_text(surge)
    scaler = next((r for r in around.scalers if _scales(r, workload.name, kind)), None)
    if scaler is not None:
        yield "autoscaler", _most(scaler)
    ports = list(_published(workload, where, around))
    if ports:
        yield "ports", Known(",".join(port for port, _ in ports), ports[0][1])
    claims = list(_volumes(workload, where, kind))
    if claims:
        yield "volumes", Known(",".join(name for name, _ in claims), claims[0][1])


def _scales(resource: Resource, name: str, kind: str) -> bool:
    spec = resource.node.get("spec")
    target = spec.get("scaleTargetRef") if isinstance(spec, MapNode) else None
    if not isinstance(target, MapNode) or plain(target.get("name")) != name:
        return False
    return (plain(target.get("kind")) or "Deployment") == kind


def _most(scaler: Resource) -> Known:
    """The most replicas that an autoscaler asks for; KEDA's default is 100."""
    spec = scaler.node.get("spec")
    key = "maxReplicas" if scaler.kind == "HorizontalPodAutoscaler" else "maxReplicaCount"
    most = spec.get(key) if isinstance(spec, MapNode) else None
    if isinstance(most, Scalar):
        return number(located(scaler.path, most))
    return Known(100 if scaler.kind == "ScaledObject" else None, place_of(scaler.path, scaler.node))


def _published(workload: Layers, where: tuple[str, ...], around: _Around) -> Iterator[tuple[str, Place]]:
    """Ports of services that lead to the workload from outside of the cluster."""
    labels = frozenset(_labels(workload.find(*where[:-1], "metadata", "labels")))
    for wanted, service in around.open_services:
        spec = service.node.get("spec")
        if wanted and wanted <= labels:
            ports = spec.get("ports") if isinstance(spec, MapNode) else None
            for port in ports.items if isinstance(ports, ListNode) else ():
                if isinstance(port, MapNode):
                    target = plain(port.get("targetPort")) or plain(port.get("port"))
                    yield f"{plain(port.get('port'))}:{target}", place_of(service.path, port)


def _labels(held: Held | None) -> Iterator[tuple[str, str]]:
    if held is not None and isinstance(held.node, MapNode):
        yield from ((entry.key, plain(entry.value)) for entry in held.node.entries)


def _asks(resource: Resource) -> bool:
    """Whether something stands in front that may ask for a password: `nginx.ingress.kubernetes.io/auth-url`, a middleware."""
    metadata = resource.node.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, MapNode) else None
    keys = [entry.key for entry in annotations.entries] if isinstance(annotations, MapNode) else []
    if any("auth" in key or "middlewares" in key for key in keys):
        return True
    spec = resource.node.get("spec")
    routes = spec.get("routes") if isinstance(spec, MapNode) else None
    held = routes.items if isinstance(routes, ListNode) else ()
    return any(isinstance(route, MapNode) and route.get("middlewares") is not None for route in held)


def _backends(resource: Resource) -> Iterator[str]:
    """Services that an Ingress leads to without asking who comes."""
    if resource.kind not in ("Ingress", "IngressRoute", "HTTPRoute", "Route", "VirtualService") or _asks(resource):
        return
    pending: list[Tree] = [resource.node]
    while pending:
        node = pending.pop()
        if isinstance(node, MapNode):
            for entry in node.entries:
                if entry.key == "serviceName":
                    yield plain(entry.value)
                elif entry.key in ("service", "services", "backendRefs", "to", "destination"):
                    for item in entry.value.items if isinstance(entry.value, ListNode) else (entry.value,):
                        if isinstance(item, MapNode):
                            yield plain(item.get("name")) or plain(item.get("host"))
                pending.append(entry.value)
        elif isinstance(node, ListNode):
            pending.extend(node.items)


def _volumes(workload: Layers, where: tuple[str, ...], kind: str) -> Iterator[tuple[str, Place]]:
    """Volumes that outlive a pod."""
    for held in workload.gather(*where, "volumes"):
        for item in held.node.items if isinstance(held.node, ListNode) else ():
            if isinstance(item, MapNode) and not any(item.get(key) for key in _PASSING):
                yield plain(item.get("name")), place_of(held.path, item)
    if kind == "StatefulSet":
        for held in workload.gather("spec", "volumeClaimTemplates"):
            for item in held.node.items if isinstance(held.node, ListNode) else ():
                metadata = item.get("metadata") if isinstance(item, MapNode) else None
                name = metadata.get("name") if isinstance(metadata, MapNode) else None
                yield plain(name), place_of(held.path, item)


_PASSING = ("emptyDir", "configMap", "secret", "projected", "downwardAPI")
"""Volumes that keep nothing."""


def _of_container(layers: Layers) -> Iterator[tuple[str, Known]]:
    for key, keys in (
        ("pre_stop", ("lifecycle", "preStop")),
        ("liveness", ("livenessProbe",)),
        ("readiness", ("readinessProbe",)),
    ):
        held = layers.find(*keys)
        if held is not None:
            command = layers.find(*keys, "exec", "command")
            items = command.node.items if command is not None and isinstance(command.node, ListNode) else []
            yield key, Known(" ".join(map(plain, items)), place_of(held.path, held.node))
    mounted = layers.find("volumeMounts")
    paths = [
        f"{plain(item.get('name'))}:{plain(item.get('mountPath'))}"
        for item in (mounted.node.items if mounted is not None and isinstance(mounted.node, ListNode) else ())
        if isinstance(item, MapNode)
    ]
    if mounted is not None:
        yield "mounts", Known(",".join(paths), place_of(mounted.path, mounted.node))
