"""The image, run as the DaemonSet runs it: in containerd, with exactly what the manifest declares."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from testbed import Bed, eventually
from testbed.addresses import V4
from testbed.agent import REPOSITORY, alive, process_status
from testbed.container import IMAGE, ContainedAgent, Runtime, build_image, labels, pod_of_the_manifest
from testbed.flood import Flood
from testbed.load import Load
from testbed.memory_limit import MemoryLimit

ADDRESSES = (V4.local, V4.kube_dns)


@pytest.fixture(scope="module")
def image_digest(binary: Path) -> str:
    return build_image(binary)


@pytest.fixture(scope="module")
def runtime(bed: Bed, image_digest: str) -> Iterator[Runtime]:
    with Runtime(bed.directory / "containerd") as running:
        yield running


@pytest.fixture(scope="module")
def image(runtime: Runtime) -> str:
    return runtime.load(IMAGE / "node-local-dns.tar")


@pytest.fixture
def contained(bed: Bed, binary: Path, runtime: Runtime, image: str) -> Callable[..., ContainedAgent]:
    """Makes agents in containers; `pod` changes the manifest's pod."""
    def make(pod: Callable[[dict], None] = lambda _: None, **options) -> ContainedAgent:
        specification = pod_of_the_manifest()
        pod(specification)
        # The manifest leaves link and addresses to the next agent; here each test finds the node as it was.
        options.setdefault("flags", {"skipteardown": "false"})
        return ContainedAgent(runtime, image, specification, bed, binary, **options)

    return make


# MARK: What is inside


def test_around_one_program_it_has_one_digest(binary: Path, image_digest: str) -> None:
    assert build_image(binary) == image_digest


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """The sources in another place, ours and others', and nothing that was built of them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.rstrip("\0").split("\0")  # fmt: skip
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        # The versions of what we depend on are part of it, though not of the commit.
        for name in [*listed, "Package.resolved"]:
            if (REPOSITORY / name).exists():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, place / name)
        # What the package manager has fetched, which it would fetch again.
        shutil.copytree(REPOSITORY / ".build/repositories", place / ".build/repositories")
        yield place


def test_built_elsewhere_it_is_the_same_program(image_digest: str, elsewhere: Path) -> None:
    script = '. scripts/lib/common.sh && release_binary >&2 && strip_program "$binary" program'
    subprocess.run(["bash", "-c", script], cwd=elsewhere, check=True)
    assert (elsewhere / "program").read_bytes() == (IMAGE / "root/node-local-dns").read_bytes()


def test_it_holds_the_program_and_what_it_loads(image_digest: str) -> None:
    root = IMAGE / "root"
    found = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    others = {name for name in found if not name.startswith("usr/share/doc/")}
    libraries = {name for name in others if ".so" in name}
    assert others - libraries == {
        "node-local-dns", "node-cache", "etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt",
    }  # fmt: skip
    loaded = subprocess.run(["ldd", root / "node-local-dns"], capture_output=True, text=True, check=True).stdout
    assert all(name.rpartition("/")[2] in loaded for name in libraries)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    assert size < 60 * 2**20


def test_its_tables_of_functions_are_read_only(image_digest: str) -> None:
    program = IMAGE / "root/node-local-dns"
    told = subprocess.run(["readelf", "-dlW", program], capture_output=True, text=True, check=True).stdout
    assert "GNU_RELRO" in told
    assert re.search(r"FLAGS_1\).*NOW.*PIE", told)


def test_it_says_what_it_is(runtime: Runtime, image: str) -> None:
    found = labels(runtime, image)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.strip()
    prefix = "org.opencontainers.image"
    assert found[f"{prefix}.revision"] == commit
    assert image == f"node-local-dns:{found[f'{prefix}.version']}"
    assert found[f"{prefix}.licenses"] == "Apache-2.0"
    assert {f"{prefix}.{word}" for word in ("title", "description", "source")} <= set(found)


def test_the_document_of_its_parts_names_every_package(image_digest: str) -> None:
    document = yaml.safe_load((IMAGE / "node-local-dns.spdx.json").read_text())
    versions = {package["name"]: package["versionInfo"] for package in document["packages"]}
    assert {"node-local-dns", "swift-nio", "swift-runtime", "libc6", "libnftnl11", "ca-certificates"} <= set(versions)
    assert all(versions.values())
    inside = IMAGE / "root/usr/share/doc/node-local-dns/node-local-dns.spdx.json"
    assert inside.read_text() == (IMAGE / "node-local-dns.spdx.json").read_text()


@pytest.mark.parametrize("name", ["/node-local-dns", "/node-cache"])
def test_both_names_start_it(runtime: Runtime, image: str, name: str) -> None:
    said = runtime.ctr("run", "--rm", "--snapshotter", "native", image, "version", name, "version")
    assert said.startswith("node-local-dns-")


# MARK: As the manifest has it


def test_pods_resolve_and_a_stop_leaves_nothing(bed: Bed, contained: Callable[..., ContainedAgent]) -> None:
    before = bed.network_state()
    with contained() as agent:
        for address in ADDRESSES:
            for tcp in (False, True):
                answer = bed.pod1.ask("kubernetes.default.svc.cluster.local", "A", address, tcp=tcp)
                assert answer.answer, f"{address} {tcp=}"
                assert bed.host.ask("www.example.org", "A", address, tcp=tcp).answer
        assert agent.get("/health", 8080)[0] == 200
        for probe in ("startupProbe", "readinessProbe"):
            command = agent.container[probe]["exec"]["command"]
            asked = agent.execute(*command)
            assert asked.returncode == 0, asked
        assert "rror" not in agent.log.replace("    errors\n", "").replace("kubernetes.default", ""), agent.log
        (pid,) = agent.children()
        status = process_status(pid)
        assert status["Uid"].split() == ["65532"] * 4 and status["Gid"].split() == ["65532"] * 4
        assert status["Groups"].split() in ([], ["65532"])
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[kind], 16) == 0, f"{kind} {status[kind]}"
        assert status["NoNewPrivs"] == "1"
        filters = {one: int(process_status(one)["Seccomp_filters"]) for one in (agent.pid, pid)}
        assert filters == {agent.pid: 1, pid: 2}, "containerd's profile, and the worker's own filter"
        assert "ro" in root_mount(pid).split(","), "nothing of its root can be written"
    eventually(lambda: not alive(pid), within=2, what="the worker has ended")
    assert bed.network_state() == before


def limited(pod: dict) -> None:
    (container,) = pod["containers"]
    container["resources"]["limits"] = {"memory": "64Mi"}


def test_the_limit_of_the_container_bounds_what_it_keeps(contained: Callable[..., ContainedAgent]) -> None:
    with contained(limited) as agent:
        for port in (9253, 9353):
            assert agent.metrics(port).value("nodelocal_memory_limit_bytes") == 64 << 20
        assert agent.metrics().value("nodelocal_cache_budget_bytes") == 24 << 20
        assert "The memory limit is 64 MiB: 24 MiB are for cached answers" in agent.log


def test_at_its_memory_limit_the_node_keeps_dns(bed: Bed, contained: Callable[..., ContainedAgent]) -> None:
    """A limit that suffices for an idle agent, and a flood that it has to remember: the kernel kills in its group."""
    with contained(limited) as agent:
        with Load(bed.pod1, V4.local, ["kubernetes.default.svc.cluster.local"], rate=50) as load:
            eventually(lambda: load.sent >= 25, within=5, what="some look-ups")
            (worker,) = agent.children()
            group = MemoryLimit.of(agent.pid)
            group.set(group.usage + (1 << 20))
            flood = Flood(bed.pod2, V4.local, "example.org", 1_000_000, within=20, window=4_096)
            asking = threading.Thread(target=flood.run, daemon=True)
            asking.start()
            eventually(lambda: not alive(worker), within=20, what="the worker's death")
            flood.within = 0
            assert group.kills >= 1
            group.set(64 << 20)
            asking.join()
            lost = len(load.lost)
            before = load.sent
            eventually(lambda: load.sent >= before + 50, within=5, what="look-ups behind it")
    # Half a second's at most, and none when the flood is over.
    assert lost <= 25 and len(load.lost) - lost <= 1, load.lost


def test_the_node_keeps_dns_when_the_main_process_is_killed(bed: Bed, contained: Callable[..., ContainedAgent]) -> None:
    with contained() as agent:
        with Load(bed.pod1, V4.local, ["kubernetes.default.svc.cluster.local"], rate=50) as load:
            eventually(lambda: load.sent >= 25, within=5, what="some look-ups")
            agent.kill()
            before = load.sent
            eventually(lambda: load.sent >= before + 50, within=5, what="look-ups without an agent")
        assert len(load.lost) <= 2, load.lost


def test_two_containers_hand_over_without_loss(bed: Bed, contained: Callable[..., ContainedAgent]) -> None:
    names = ["kubernetes.default.svc.cluster.local", "www.example.org"]
    with contained() as old, Load(bed.pod1, V4.local, names) as local, Load(bed.pod1, V4.kube_dns, names, tcp=True) as service:
        with contained() as new:
            old.send(signal.SIGTERM)
            assert old.wait() == 0
            before = local.sent
            eventually(lambda: local.sent >= before + 50, within=5, what="look-ups at the new one")
            assert new.running()
        after = local.sent
        eventually(lambda: local.sent >= after + 50, within=5, what="look-ups behind both")
    assert local.lost + service.lost == []


# MARK: Each capability is needed, and asked for by name


@pytest.mark.parametrize(
    ("missing", "says"),
    [("NET_ADMIN", "needs the capability NET_ADMIN"), ("NET_BIND_SERVICE", "needs NET_BIND_SERVICE")],
)
def test_without_it_the_start_fails(contained: Callable[..., ContainedAgent], missing: str, says: str) -> None:
    agent = contained(drop=(missing,)).start()
    assert agent.wait() == 1
    assert says in agent.log


@pytest.mark.parametrize("missing", ["SETUID", "SETGID"])
def test_without_it_no_worker_starts(bed: Bed, contained: Callable[..., ContainedAgent], missing: str) -> None:
    agent = contained(drop=(missing,)).start()
    agent.wait_log(r"become user 65532 \(needs the capabilities SETUID and SETGID\): Operation not permitted")
    assert bed.pod1.ask("kubernetes.default.svc.cluster.local").answer, "the fall-back answers"
    agent.stop()


def test_without_kill_a_worker_that_hangs_stays(bed: Bed, contained: Callable[..., ContainedAgent]) -> None:
    with contained(drop=("KILL",)) as agent:
        (pid,) = agent.children()
        os.kill(pid, signal.SIGSTOP)
        try:
            agent.wait_log("kill the worker: Operation not permitted: needs the capability KILL")
            assert bed.pod1.ask("kubernetes.default.svc.cluster.local").answer, "the fall-back answers"
        finally:
            os.kill(pid, signal.SIGCONT)


def root_mount(pid: int) -> str:
    """The options of what a process sees as its root directory."""
    mounts = (line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
    return next(fields[5] for fields in mounts if fields[4] == "/")
