"""DNS over TLS for clients (RFC 7858): dig as a client that believes nobody but an authority of our own."""

import re
import socket
import ssl
import struct
import subprocess
from pathlib import Path

import dns.message
import pytest

from test_upstream_tls import NAME, make_certificates, openssl
from testbed import Bed, eventually
from testbed.addresses import V4


@pytest.fixture(scope="module")
def certificates(bed: Bed) -> Path:
    directory = bed.directory / "tls-listener"
    directory.mkdir()
    make_certificates(directory)
    return directory


def corefile(certificates: Path, tls: str = "") -> str:
    return f"""\
.:53 {{
    bind {V4.local} {V4.kube_dns}
    forward . {V4.resolver}
    prometheus :9253
}}
tls://. {{
    bind {V4.local}
    tls {certificates}/cert.pem {certificates}/key.pem {tls}
    cache 30
    forward . {V4.resolver}
    prometheus :9253
}}
"""


def dig(bed: Bed, certificates: Path, *options: str) -> str:
    trust = (f"+tls-ca={certificates}/ca.pem", f"+tls-hostname={NAME}")
    command = ("dig", f"@{V4.local}", "+tls", *trust, "+tries=1", "+time=3", *options, "www.example.org", "A")
    return bed.pods[0].run(*command, check=False)


def test_clients_are_answered_over_tls(bed: Bed, new_agent, certificates: Path) -> None:
    with new_agent(template=corefile(certificates)) as agent:
        for _ in range(2):  # from upstream, from the cache
            said = dig(bed, certificates)
            assert "192.0.2.80" in said and "(TLS)" in said, said
        # An answer that no datagram would hold, and several questions in one connection.
        context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        context.set_alpn_protocols(["dot"])
        with bed.pods[0].open_socket(socket.AF_INET, socket.SOCK_STREAM) as plain:
            plain.settimeout(5)
            plain.connect((V4.local, 853))
            with context.wrap_socket(plain, server_hostname=NAME) as stream:
                assert stream.selected_alpn_protocol() == "dot" and stream.version() == "TLSv1.3"
                ids = set()
                for number in range(10):
                    question = dns.message.make_query(f"n{number}.example.org", "A").to_wire()
                    stream.sendall(struct.pack(">H", len(question)) + question)
                    ids.add(question[:2])
                with stream.makefile("rb") as answers:
                    for _ in range(10):
                        (length,) = struct.unpack(">H", answers.read(2))
                        answer = answers.read(length)
                        assert dns.message.from_wire(answer).rcode() == 0
                        ids.remove(answer[:2])
                assert not ids
        requests = agent.metrics().value(
            "coredns_dns_requests_total",
            server=f"tls://{V4.local}:853",
            zone=".",
            type="A",
            proto="tcp",
            family="1",
            view="",
        )
        assert requests == 12


def test_port_853_says_nothing_in_plain_text(bed: Bed, new_agent, certificates: Path) -> None:
    with new_agent(template=corefile(certificates)) as agent:
        assert "192.0.2.80" not in bed.pods[0].run(
            "dig", f"@{V4.local}", "-p", "853", "+tcp", "+tries=1", "+time=2", "www.example.org", check=False
        )
        assert "192.0.2.80" not in bed.pods[0].run(
            "dig", f"@{V4.local}", "-p", "853", "+tries=1", "+time=1", "www.example.org", check=False
        )
        assert agent.running()


def test_a_new_certificate_is_used_without_a_restart(bed: Bed, new_agent, certificates: Path) -> None:
    def serial() -> str:
        said = bed.pods[0].run(
            "sh", "-c", f"openssl s_client -connect {V4.local}:853 </dev/null 2>/dev/null | openssl x509 -noout -serial"
        )
        return re.search(r"serial=(\w+)", said).group(1)

    with new_agent(template=corefile(certificates)):
        before = serial()
        authority = ("-CA", certificates / "ca.pem", "-CAkey", certificates / "ca.key", "-CAcreateserial", "-days", "2")
        files = ("-in", certificates / "request", "-out", certificates / "cert.pem")
        openssl("x509", "-req", *authority, *files, "-extfile", certificates / "extensions")
        eventually(lambda: serial() != before, within=10, what="the new certificate")
        assert "192.0.2.80" in dig(bed, certificates)


def test_clients_may_have_to_show_who_they_are(bed: Bed, new_agent, certificates: Path) -> None:
    tls = f"{certificates}/ca.pem {{\n client_auth require_and_verify\n }}"
    with new_agent(template=corefile(certificates, tls)):
        assert "192.0.2.80" not in dig(bed, certificates)
        shown = (f"+tls-certfile={certificates}/cert.pem", f"+tls-keyfile={certificates}/key.pem")
        assert "192.0.2.80" in dig(bed, certificates, *shown)


def test_without_a_certificate_nothing_is_served(binary: Path, certificates: Path) -> None:
    (certificates / "Corefile").write_text("tls://. {\n forward . 192.0.2.1\n}\n")
    done = subprocess.run([binary, "check", certificates / "Corefile"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "a tls:// listener without certificate would serve in plain text" in done.stdout + done.stderr
