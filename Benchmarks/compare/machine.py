"""What the numbers were taken on."""

import os
import platform
import re
import subprocess
from pathlib import Path

DEBIAN_PACKAGES = ("unbound", "dnsdist", "pdns-recursor", "dnsmasq-base", "nsd", "dnsperf", "gcc")


def describe() -> dict[str, str]:
    """Names and values, in the order in which they are shown."""
    facts = {
        "CPU": _cpu_model(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "kernel": platform.release(),
        "distribution": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "virtual machine": _hypervisor(),
        "load average at the start": f"{os.getloadavg()[0]:.2f}",
    }
    return facts | {package: _version(package) for package in DEBIAN_PACKAGES}


def _cpu_model() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1] if match else platform.machine()


def _memory() -> str:
    match = re.search(r"^MemTotal:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return f"{int(match[1]) / 1024 / 1024:.1f} GiB" if match else "unknown"


def _hypervisor() -> str:
    match = re.search(r"^Hypervisor vendor:\s+(.+)$", _output(["lscpu"]), re.MULTILINE)
    return match[1] if match else "no"


def _version(package: str) -> str:
    return _output(["dpkg-query", "-W", "-f", "${Version}", package]) or "not a Debian package"


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
