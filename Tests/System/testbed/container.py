"""Containers as a kubelet would have them run: the image in containerd, the container as a manifest says."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import yaml

from .addresses import V4
from .agent import MANIFEST, REPOSITORY, Agent
from .eventually import eventually
from .kustomize import select
from .shell import run

IMAGE = REPOSITORY / ".build" / "image"
CONFIGURATION = """\
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{directory}/socket"
[plugins."io.containerd.internal.v1.opt"]
  path = "{directory}/opt"
"""

# What a runtime gives a container of which the manifest says nothing (runc's and Docker's default).
DEFAULT_CAPABILITIES = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP "
    "SETUID SYS_CHROOT"
).split()


def build_image(binary: Path) -> str:
    """Builds the image around a binary; its digest."""
    made = subprocess.run(
        [REPOSITORY / "scripts" / "image", "--binary", binary], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return (IMAGE / "digest").read_text()


def pod_of_the_manifest() -> dict:
    """The specification of the DaemonSet's pods, with the placeholders that an operator fills in."""
    text = MANIFEST.read_text().replace("__PILLAR__LOCAL__DNS__", V4.local)
    text = text.replace("__PILLAR__DNS__DOMAIN__", "cluster.local").replace("__PILLAR__DNS__SERVER__", V4.kube_dns)
    (daemon_set,) = select(list(yaml.safe_load_all(text)), "DaemonSet")
    return daemon_set["spec"]["template"]["spec"]


class Runtime:
    """A containerd of our own, below `directory`. Use it with `with`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __enter__(self) -> "Runtime":
        self.directory.mkdir()
        configuration = self.directory / "config.toml"
        configuration.write_text(CONFIGURATION.format(directory=self.directory))
        with open(self.directory / "log", "w") as log:
            self.process = subprocess.Popen(["containerd", "-c", configuration], stdout=log, stderr=log)
        eventually(lambda: self.answers(), within=10, what="containerd answers")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.ctr("container", "list", "-q").split():
            self.ctr("task", "kill", "-s", "KILL", name, check=False)
            self.ctr("task", "delete", "-f", name, check=False)
            self.ctr("container", "delete", name, check=False)
        self.process.terminate()
        self.process.wait(10)

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.directory / "log").read_text()[-2000:]
        return "Server:" in self.ctr("version", check=False)

    def ctr(self, *words: object, check: bool = True) -> str:
        return run(*self.command(*words), check=check)

    def command(self, *words: object) -> list[str]:
        return ["ctr", "-a", f"{self.directory}/socket", *(str(word) for word in words)]

    def load(self, archive: Path) -> str:
        """Imports an OCI archive; the image's name."""
        # The overlay of a file system that is one itself is refused; native copies.
        self.ctr("image", "import", "--snapshotter", "native", archive)
        (name,) = self.ctr("image", "list", "-q").split()
        return name


class ContainedAgent(Agent):
    """An agent in a container that `pod`, a pod's specification, describes.

    Its one container's arguments are replaced by the flags that differ from the manifest; the mounts are
    where the manifest has them. `drop` takes capabilities away that the manifest gives.
    """

    def __init__(self, runtime: Runtime, image: str, pod: dict, *arguments, drop: tuple[str, ...] = (), **options) -> None:
        super().__init__(*arguments, **options)
        self.runtime = runtime
        self.image = image
        self.pod = pod
        self.drop = drop
        (self.container,) = pod["containers"]
        self.name = self.directory.name
        # Of paths the manifest's hold, and the defaults: those of the bed are not there inside.
        inside = {name for name, value in self.flags.items() if value and value.startswith(str(self.directory))}
        for name in inside - set(options.get("flags") or {}):
            del self.flags[name]

    def start(self) -> "ContainedAgent":
        words = [*self.security(), *self.resources(), *self.mounts()]
        # The kubelet's runtime shows a container its own control group; ctr by itself does not.
        words += ["--mount", "type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro:nosuid:noexec:nodev"]
        if self.upstream is not None:
            words += ["--env", f"KUBE_DNS_UPSTREAM_SERVICE_HOST={self.upstream}"]
        command = self.runtime.command(
            "run", "--rm", "--snapshotter", "native", "--pid-file", self.directory / "pid",
            "--with-ns", f"network:/run/netns/{self.bed.node.name}",
            *words, self.image, self.name, *self.command,
        )  # fmt: skip
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    @property
    def command(self) -> list[str]:
        """Entry point and arguments: the manifest's, and then ours, which win."""
        return ["/node-local-dns", *self.container["args"], *self.arguments]

    def security(self) -> list[str]:
        context = self.container["securityContext"]
        wanted = context["capabilities"]
        assert wanted["drop"] == ["ALL"]
        kept = set(wanted.get("add", [])) - set(self.drop)
        words = []
        for name in sorted({*DEFAULT_CAPABILITIES} - kept):
            words += ["--cap-drop", f"CAP_{name}"]
        for name in sorted(kept - {*DEFAULT_CAPABILITIES}):
            words += ["--cap-add", f"CAP_{name}"]
        if context["allowPrivilegeEscalation"]:
            words.append("--allow-new-privs")
        if context.get("readOnlyRootFilesystem"):
            words.append("--read-only")
        profile = context.get("seccompProfile", self.pod.get("securityContext", {}).get("seccompProfile"))
        if profile == {"type": "RuntimeDefault"}:
            words.append("--seccomp")
        return words

    def resources(self) -> list[str]:
        limit = self.container["resources"].get("limits", {}).get("memory")
        return ["--memory-limit", str(octets(limit))] if limit else []

    def mounts(self) -> list[str]:
        volumes = {volume["name"]: volume for volume in self.pod["volumes"]}
        words = self.bind(Path("/etc/netns", self.bed.node.name, "resolv.conf"), "/etc/resolv.conf", "ro")
        for mount in self.container["volumeMounts"]:
            volume, path = volumes[mount["name"]], mount["mountPath"]
            if "configMap" in volume:
                config_map = {"node-local-dns": self.template, "kube-dns": self.kube_dns}[volume["configMap"]["name"]]
                words += self.bind(config_map.directory, path, "ro")
            elif "hostPath" in volume:
                # One for all agents of this bed, as on a node.
                shared = self.bed.directory / "host" / path.strip("/")
                shared.mkdir(parents=True, exist_ok=True)
                words += self.bind(shared, path, "rw")
            else:
                assert "emptyDir" in volume, volume
                words += ["--mount", f"type=tmpfs,src=tmpfs,dst={path},options=mode=1777"]
        return words

    @staticmethod
    def bind(source: Path, target: str, mode: str) -> list[str]:
        return ["--mount", f"type=bind,src={source},dst={target},options=rbind:{mode}"]

    @property
    def pid(self) -> int:
        """The supervisor's, as the host numbers it."""
        file = self.directory / "pid"
        return int(eventually(lambda: file.exists() and file.read_text(), within=5, what="the container's pid"))

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def execute(self, *command: str) -> subprocess.CompletedProcess:
        """Runs a command inside, as an exec probe does."""
        words = self.runtime.command("task", "exec", "--exec-id", f"probe-{os.urandom(4).hex()}", self.name, *command)
        return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=10)


def octets(quantity: str) -> int:
    """A quantity of Kubernetes as octets."""
    for suffix, factor in (("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30)):
        if quantity.endswith(suffix):
            return int(quantity.removesuffix(suffix)) * factor
    return int(quantity)


def labels(runtime: Runtime, image: str) -> dict[str, str]:
    """The labels of an image's configuration."""
    index = json.loads(runtime.ctr("content", "get", digest(runtime, image)))
    configuration = json.loads(runtime.ctr("content", "get", index["config"]["digest"]))
    return configuration["config"]["Labels"]


def digest(runtime: Runtime, image: str) -> str:
    for line in runtime.ctr("image", "list").splitlines():
        name, _, found, *_ = line.split()
        if name == image:
            return found
    raise AssertionError(f"no image {image}")
