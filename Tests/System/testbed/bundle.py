"""The image run by `runc` alone, where there is no containerd: what a manifest says, as an OCI runtime bundle."""

import json
import shutil
import subprocess
from pathlib import Path

from .container import IMAGE, ContainedAgent, octets

# What every container finds (OCI runtime specification for Linux, "Default Filesystems"), and its control group.
FILE_SYSTEMS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "ro"]},
]


class BundledAgent(ContainedAgent):
    """An agent in a container that `pod` describes; takes what `Agent` takes."""

    def __init__(self, pod: dict, *arguments, **options) -> None:
        super().__init__(None, "", pod, *arguments, **options)

    def start(self) -> "BundledAgent":
        bundle = self.directory / "bundle"
        # Where the files of the repository cannot be written, places for mounts could not be made.
        shutil.copytree(IMAGE / "root", bundle / "rootfs", symlinks=True)
        (bundle / "config.json").write_text(json.dumps(self.configuration()))
        command = ["runc", "run", "--pid-file", self.directory / "pid", "--bundle", bundle, self.name]
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def configuration(self) -> dict:
        context = self.container["securityContext"]
        kept = [f"CAP_{name}" for name in context["capabilities"]["add"] if name not in self.drop]
        limit = self.container["resources"].get("limits", {}).get("memory")
        return {
            "ociVersion": "1.0.2",
            "process": {
                "args": self.command,
                "cwd": "/",
                "env": [f"KUBE_DNS_UPSTREAM_SERVICE_HOST={self.upstream}"],
                "user": {"uid": 0, "gid": 0},
                "capabilities": {kind: kept for kind in ("bounding", "effective", "permitted")},
                "noNewPrivileges": not context["allowPrivilegeEscalation"],
            },
            "root": {"path": "rootfs", "readonly": context["readOnlyRootFilesystem"]},
            "mounts": FILE_SYSTEMS + [mount_of(word) for word in self.mounts() if word != "--mount"],
            "linux": {
                "namespaces": [
                    *({"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")),
                    {"type": "network", "path": f"/run/netns/{self.bed.node.name}"},
                ],
                "resources": {"memory": {"limit": octets(limit)}} if limit else {},
            },
        }


def mount_of(word: str) -> dict:
    """ctr's form of a mount as the runtime's."""
    fields = dict(part.split("=", 1) for part in word.split(","))
    return {
        "destination": fields["dst"],
        "type": fields["type"],
        "source": fields["src"],
        "options": fields["options"].split(":"),
    }
