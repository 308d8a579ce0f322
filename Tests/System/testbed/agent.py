"""The program under test, started on the node of the test bed with the manifest's own template."""

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import yaml

from .addresses import V4
from .bed import Bed
from .client import Client
from .configmap import ProjectedConfigMap
from .eventually import eventually
from .namespace import Namespace

REPOSITORY = Path(__file__).resolve().parents[3]
MANIFEST = REPOSITORY / "manifests" / "base" / "nodelocaldns.yaml"


def manifest_template() -> str:
    """The Corefile template of our manifest, with the placeholders that an administrator replaces."""
    for document in yaml.safe_load_all(MANIFEST.read_text()):
        if document["kind"] == "ConfigMap":
            return document["data"]["Corefile"]
    raise AssertionError("the manifest has no ConfigMap")


def for_addresses(template: str, addresses: list[str]) -> str:
    """Does what the documentation's `sed` does for kube-proxy in iptables mode.

    The first address becomes the health endpoint's; the others follow it in the bind lines.
    """
    first, *others = addresses
    health = f"[{first}]" if ":" in first else first
    return (
        template.replace("__PILLAR__LOCAL__DNS__:8080", f"{health}:8080")
        .replace("__PILLAR__LOCAL__DNS__", first)
        .replace("__PILLAR__DNS__SERVER__", " ".join(others))
        .replace("__PILLAR__DNS__DOMAIN__", "cluster.local")
    )


class Agent:
    """One agent. Use it with `with`: started and ready inside, stopped and checked behind.

    `flags` change the manifest's arguments: a value replaces, None leaves the flag out.
    `wrapper` is a command to start it through, such as one that takes a capability away.
    `namespace` is where it runs, if not on the node.
    """

    def __init__(
        self,
        bed: Bed,
        binary: Path,
        *,
        addresses: tuple[str, ...] = (V4.local, V4.kube_dns),
        template: str | None = None,
        config_map: dict[str, str] | None = None,
        upstream: str | None = V4.upstream,
        flags: dict[str, str | None] | None = None,
        wrapper: tuple[str, ...] = (),
        namespace: Namespace | None = None,
        name: str = "agent",
    ) -> None:
        self.bed = bed
        self.namespace = namespace or bed.node
        self.binary = binary
        self.addresses = addresses
        self.wrapper = wrapper
        self.upstream = upstream
        number = len(list(bed.directory.glob(f"{name}-*")))
        self.directory = bed.directory / f"{name}-{number}"
        self.directory.mkdir()
        if template is None:
            template = for_addresses(manifest_template(), list(addresses))
        self.template = ProjectedConfigMap(self.directory / "coredns", **{"Corefile.base": template})
        self.kube_dns = ProjectedConfigMap(self.directory / "kube-dns", **(config_map or {}))
        self.corefile = self.directory / "Corefile"
        self.log_file = self.directory / "log"
        self.flags: dict[str, str | None] = {
            "localip": ",".join(addresses),
            "conf": str(self.corefile),
            "basecorefile": str(self.template.directory / "Corefile.base"),
            "kubednscm": str(self.kube_dns.directory),
            "upstreamsvc": "kube-dns-upstream",
            "state-dir": str(self.directory / "state"),
            "pidfile": str(self.directory / "node-cache.pid"),
            "ready-socket": str(self.directory / "ready"),
            **(flags or {}),
        }
        self.process: subprocess.Popen | None = None

    @property
    def arguments(self) -> list[str]:
        """The command line; `-name=value` is the one form that Go's booleans take as well."""
        return [f"-{name}={value}" for name, value in self.flags.items() if value is not None]

    @property
    def log(self) -> str:
        """Everything it has printed, both streams."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self) -> "Agent":
        """Starts the process; does not wait for it."""
        environment = {"PATH": os.environ["PATH"]}
        if self.upstream is not None:
            environment["KUBE_DNS_UPSTREAM_SERVICE_HOST"] = self.upstream
        with open(self.log_file, "a") as log:
            self.process = self.namespace.start(
                *self.wrapper, self.binary, *self.arguments, stdout=log, stderr=log, env=environment
            )
        return self

    def wait_ready(self, within: float = 10.0) -> "Agent":
        """Returns when every address answers from the host, and its interception is in place."""
        host = self.bed.host
        try:
            # Answers alone do not tell: the fall-back of an earlier agent gives them as well.
            eventually(lambda: self.running() and "[INFO] Serving\n" in self.log, within=within, what="serving")
            for address in self.addresses:
                eventually(
                    lambda: self.running() and host.ask("cluster.local", "SOA", address, timeout=0.5),
                    within=within,
                    what=f"{address} answers",
                )
            if self.flags.get("setupiptables") != "false":
                eventually(lambda: "notrack" in self.rules(), within=within, what="rules in place")
            # What was asked before the rules were there was tracked, and rightly so.
            for address in self.addresses:
                self.bed.node.run("conntrack", "-D", "--orig-dst", address, check=False)
            for family in ("ipv4", "ipv6"):  # the fall-back's flows
                self.bed.node.run("conntrack", "-D", "-f", family, "--orig-zone", "5353", check=False)
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- log of the agent\n{self.log[-4000:]}") from None
        return self

    def __enter__(self) -> "Agent":
        self.start()
        try:
            return self.wait_ready()
        except BaseException:
            with contextlib.suppress(AssertionError):
                self.kill()
            raise

    def __exit__(self, kind: object, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            if kind is None:
                self.stop()
            else:
                with contextlib.suppress(AssertionError):  # the first error is the one to report
                    self.kill()

    def running(self) -> bool:
        assert self.process is not None and self.process.poll() is None, "the agent has ended"
        return True

    @property
    def pid(self) -> int:
        """The supervisor's."""
        assert self.process is not None
        return self.process.pid

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, within: float = 10.0) -> int:
        """Waits for the end and returns the exit code, negative for a signal."""
        assert self.process is not None
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the agent did not end within {within:g} s\n{self.log[-4000:]}") from None

    def stop(self, number: int = signal.SIGTERM, within: float = 10.0) -> None:
        """Stops it as the kubelet does; it has to leave with 0."""
        self.send(number)
        code = self.wait(within)
        assert code == 0, f"exit code {code}\n--- log of the agent\n{self.log[-4000:]}"

    def kill(self) -> None:
        """SIGKILL to the supervisor; the worker has to notice by itself."""
        assert self.process is not None
        workers = self.children()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(5)
        try:
            for worker in workers:
                eventually(lambda: not alive(worker), within=5, what="the worker follows its supervisor")
        finally:
            for worker in filter(alive, workers):
                os.kill(worker, signal.SIGKILL)

    def children(self) -> list[int]:
        """The pids of its child processes: the worker."""
        found: list[int] = []
        for task in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(word) for word in task.read_text().split()]
        return found

    def wait_log(self, pattern: str, within: float = 5.0, start: int = 0) -> str:
        """Waits for a line that matches; `start` skips what was printed before."""
        found = eventually(
            lambda: re.search(pattern, self.log[start:], re.MULTILINE), within=within, what=f"log: {pattern}"
        )
        return found.group(0)

    def rules(self) -> str:
        """The tables that say an agent lives; the fall-back is not among them."""
        own = [table for table in self.bed.tables() if table not in self.bed.fallback()]
        listed = (self.bed.node.run("nft", "-s", "list", "table", *one.split(), check=False) for one in own)
        return "".join(listed)

    def unreadiness(self) -> str | None:
        """What the kubelet's probe says: None for ready, else why not."""
        command = [self.binary, "ready", self.flags["ready-socket"]]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=10)
        if asked.returncode == 0:
            assert asked.stdout == "ready\n"
            return None
        assert asked.returncode == 1 and asked.stderr.startswith("not ready: ")
        return asked.stderr.removeprefix("not ready: ").strip()

    def get(self, path: str, port: int, server: str = V4.local) -> tuple[int, str]:
        return Client(self.bed.node).get(path, server, port)

    def metrics(self, port: int = 9253) -> "Metrics":
        status, text = self.get("/metrics", port)
        assert status == 200
        return Metrics(text)


class Metrics:
    """One scrape."""

    SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [
            (name, dict(self.LABEL.findall(labels)), float(value))
            for name, labels, value in self.SAMPLE.findall(text)
        ]

    def value(self, name: str, /, **labels: str) -> float:
        """The sum of the samples of `name` that carry these labels; 0 when there is none."""
        return sum(
            value for sample, its, value in self.samples if sample == name and labels.items() <= its.items()
        )

    @property
    def names(self) -> set[str]:
        return {name for name, _, _ in self.samples}


def process_status(pid: int) -> dict[str, str]:
    """/proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] not in ("Z", "X")
