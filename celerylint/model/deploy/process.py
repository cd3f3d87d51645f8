"""What every platform's files come down to: processes that it starts, and the commands that they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from celerylint.facts.deploy.ir import DeployFacts
from celerylint.finding import Place, Undecided

UNKNOWN = "\0"
"""Stands for a stretch of a word that cannot be known: `--queues=\\0` is the flag with an unknown value."""


Load = Callable[[str], "DeployFacts | None"]
"""The facts of a file of the project by its path there, or of an image by its path in it; None where there is none."""


class Known(Struct, frozen=True):
    """A number or text of a deployment file and where it is written; `value` is None where it cannot be known."""

    value: float | int | str | bool | None
    place: Place | None
    """None for the platform's own default."""


class Word(Struct, frozen=True):
    """A word of a command and where it is written. Unknown stretches are `UNKNOWN`."""

    text: str
    place: Place
    origins: tuple[tuple[int, int, int], ...] = ()
    """Where stretches of the text stand, as in `Scalar`; empty where all of it stands as written at `place`."""

    @property
    def known(self) -> bool:
        """Whether all of it is known."""
        return UNKNOWN not in self.text


class Invocation(Struct, frozen=True):
    """One program that a process runs, scripts and shells followed down to it."""

    words: tuple[Word, ...]
    """The program and its arguments, runner prefixes (`exec`, `poetry run`, `gosu app`) removed."""
    place: Place
    """The first line of the command itself, in the file where it is written."""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """Variables as far as the files give them; None for one that is set to what cannot be known."""
    signalled: bool | None = None
    """Whether SIGTERM for the process reaches it: True for the exec form, `exec`, or an init that forwards; None if unknown."""
    via: tuple[Place, ...] = ()
    """Where it was followed from: the service, then the script."""
    certain: bool = True
    """False where it stands in a branch whose condition is unknown."""
    runners: tuple[str, ...] = ()
    """The runner prefixes that were removed, the outermost first."""
    exec_at: Place | None = None
    """The command that its shell would become by `exec`, so that signals reach it, and nothing else would be lost."""


class Process(Struct, frozen=True):
    """Something that a platform starts and keeps running."""

    platform: str
    """`compose`, `kubernetes`, `helm`, `procfile`, `supervisor`, `systemd`, `initd`, `ecs`, `dockerfile`, `script`."""
    name: str
    """The service, process type, program or workload."""
    place: Place
    """Where it is declared."""
    deployment: str
    """What it is deployed together with: processes of one deployment run at once. The folder and platform, say."""
    invocations: tuple[Invocation, ...]
    complete: bool
    """False where what it runs is not wholly known."""
    replicas: Known
    grace: Known
    """Seconds between SIGTERM and SIGKILL, the platform's default included."""
    development: str = ""
    """Why it is not deployed, empty if it is: `the file is docker-compose.dev.yml`, `profile debug`."""
    attributes: Mapping[str, Known] = field(default_factory=dict)
    """More that rules ask for, where it is written or has a default of the platform's.

    - `image`: with its tag. `ports`: what is published, `address:published:target` of Compose, `port:target` of a service
      of Kubernetes that is reached from outside, joined by commas. `volumes`: `source:target` of Compose; in Kubernetes the
      names of volumes that outlive the pod, and `mounts` are the `name:path` of the container.
    - `folder`: the folder of the project that is the working directory. `variables_elsewhere`: True where some variables
      come from a file or a secret that is not here.
    - Compose: `profiles`, `restart`, `init`, `stop_signal`, `network_mode`, `container_name`.
    - Kubernetes and Helm: `kind`, `strategy` (of a Deployment; no place for the default), `max_surge`, `autoscaler` (the most
      replicas that an HPA or a ScaledObject asks for), `pre_stop`, `liveness`, `readiness` (their command, may be empty).
    - ECS: `max_percent`. supervisord: `autostart`, `stopsignal`, `directory`. systemd: `KillSignal`, `KillMode`,
      `WorkingDirectory`, `Type`, `Restart`.
    """


class Broker(Struct, frozen=True):
    """A broker that a deployment starts, or a file that configures one."""

    transport: str
    """`redis` or `rabbitmq`."""
    platform: str
    """As of a process; `configuration` for a file that nothing starts."""
    name: str
    place: Place
    deployment: str
    image: Known
    """With its tag; None for a file."""
    settings: Mapping[str, Known]
    """By their names in redis.conf (`appendonly`, `maxmemory-policy`, `save`) or rabbitmq.conf (`consumer_timeout`, in
    milliseconds), as text. The last that decides it stands."""
    storage: Known
    """What keeps its data over a restart: the volume's name or path; empty text for nothing."""
    mirrored: tuple[Place, ...] = ()
    """Policies with `ha-mode`."""
    complete: bool = True
    """False where part of its configuration is not here: settings that are missing are not known to be missing."""
    development: str = ""


class Deployment(Struct, frozen=True):
    """What all deployment files of a project come down to."""

    processes: tuple[Process, ...] = ()
    brokers: tuple[Broker, ...] = ()
    problems: tuple[Undecided, ...] = ()
    """What could not be followed: a script that is not here, a base that does not exist."""
