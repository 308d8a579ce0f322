"""DNS over TLS towards a real server (Unbound) whose certificate an authority of our own has signed."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import Bed, eventually
from testbed.addresses import V4
from testbed.client import addresses, rcode

SERVER = "192.0.2.77"
NAME = "dns.example.org"


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def make_certificates(directory: Path) -> None:
    """An authority, and a server's certificate for its name."""
    key = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl("req", "-x509", *key, "-subj", "/CN=Test", "-keyout", directory / "ca.key", "-out", directory / "ca.pem")
    openssl("req", *key[:3], "-subj", f"/CN={NAME}", "-keyout", directory / "key.pem", "-out", directory / "request")
    (directory / "extensions").write_text(f"subjectAltName=DNS:{NAME}\n")
    authority = ("-CA", directory / "ca.pem", "-CAkey", directory / "ca.key", "-CAcreateserial", "-days", "2")
    files = ("-in", directory / "request", "-out", directory / "cert.pem", "-extfile", directory / "extensions")
    openssl("x509", "-req", *authority, *files)


@pytest.fixture(scope="module")
def certificates(bed: Bed, binary: Path) -> Iterator[Path]:
    """Unbound on port 853 in the world outside, which answers from its own data; yields the files' directory."""
    bed.node.run(binary, "cleanup")  # a fall-back would answer in place of an agent without rules
    directory = bed.directory / "tls"
    directory.mkdir()
    make_certificates(directory)
    (directory / "unbound.conf").write_text(
        f"""\
server:
    directory: "{directory}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    interface: {SERVER}@853
    access-control: 0.0.0.0/0 allow
    tls-service-key: "{directory}/key.pem"
    tls-service-pem: "{directory}/cert.pem"
    local-zone: "cluster.local." static
    local-zone: "private.example." redirect
    local-data: "private.example. A 192.0.2.88"
"""
    )
    bed.outside.ip("address", "add", f"{SERVER}/32", "dev", "lo")
    with open(directory / "log", "w") as log:
        server = bed.outside.start("unbound", "-d", "-c", directory / "unbound.conf", stdout=log, stderr=log)
    eventually(lambda: "853" in bed.outside.run("ss", "-Hltn", "sport", "=", "853"), within=10, what="unbound")
    yield directory
    server.terminate()
    server.wait(5)
    bed.outside.ip("address", "del", f"{SERVER}/32", "dev", "lo")


def corefile(properties: str) -> str:
    return f"""\
.:53 {{
    errors
    bind {V4.local} {V4.kube_dns}
    forward . tls://{SERVER} {{
        {properties}
    }}
    prometheus :9253
}}
"""


def start(new_agent, properties: str):
    return new_agent(template=corefile(properties), flags={"setupiptables": "false"})


def test_questions_travel_through_tls_over_few_connections(bed: Bed, new_agent, certificates: Path) -> None:
    with start(new_agent, f"tls {certificates}/ca.pem\n        tls_servername {NAME}") as agent:
        for number in range(20):
            assert addresses(bed.pod1.ask(f"n{number}.private.example")) == {"192.0.2.88"}
        metrics = agent.metrics()
        labels = {"to": f"{SERVER}:853", "proto": "tcp-tls"}
        assert metrics.value("coredns_proxy_conn_cache_misses_total", **labels) <= 4
        assert metrics.value("coredns_proxy_conn_cache_hits_total", **labels) >= 16


def test_the_first_answer_of_a_connection_waits_for_no_delayed_acknowledgement(
    bed: Bed, new_agent, certificates: Path
) -> None:
    """Unbound holds it back until its session tickets are acknowledged; Linux delays that by 40 ms at least."""
    properties = f"tls {certificates}/ca.pem\n        tls_servername {NAME}\n        expire 1s"
    with start(new_agent, properties):
        took = []
        for number in range(4):
            began = time.monotonic()
            assert addresses(bed.pod1.ask(f"first{number}.private.example")) == {"192.0.2.88"}
            took.append(time.monotonic() - began)
            eventually(
                lambda: bed.node.run("ss", "-Htn", "state", "established", "dport", "=", "853") == "",
                within=5,
                what="no connection is left",
            )
    assert min(took) < 0.04, took


def test_a_certificate_that_nobody_vouches_for_is_told_and_counted(
    bed: Bed, new_agent, certificates: Path
) -> None:
    # The server's own certificate, taken for an authority's, does not make one of it.
    for properties, words in (
        (f"tls {certificates}/ca.pem\n        tls_servername other.example.org", "the certificate is for another name"),
        (f"tls {certificates}/ca.pem", "the certificate is for another name"),
        ("tls /etc/ssl/certs/ca-certificates.crt", "failed to verify certificate"),
    ):
        with start(new_agent, properties) as agent:
            assert rcode(bed.pod1.ask("www.private.example")) == "SERVFAIL"
            agent.wait_log(f"tls {SERVER}:853: {words}")
            assert agent.metrics().value("nodelocal_upstream_tls_failures_total", to=f"{SERVER}:853") >= 1


def test_check_finds_bad_files_and_says_where(binary: Path, certificates: Path) -> None:
    for properties, finding in (
        ("tls /no/such/file", ":5:13: error: plugin/forward: /no/such/file: no such file"),
        (f"tls {certificates}/unbound.conf", f":5:13: error: plugin/forward: {certificates}/unbound.conf: it holds no"),
        (
            f"tls {certificates}/cert.pem {certificates}/ca.key {certificates}/ca.pem",
            f"error: plugin/forward: {certificates}/ca.key: it is not the key of the certificate",
        ),
    ):
        (certificates / "Corefile").write_text(corefile(properties))
        done = subprocess.run([binary, "check", certificates / "Corefile"], capture_output=True, text=True)
        assert done.returncode != 0
        assert finding in done.stdout + done.stderr
    (certificates / "Corefile").write_text(corefile(f"tls {certificates}/ca.pem"))
    assert subprocess.run([binary, "check", certificates / "Corefile"], capture_output=True).returncode == 0
