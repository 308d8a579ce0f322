"""The command line: Go's flags as node-cache takes them, and our subcommands.

Every command here ends by itself. It runs in the test bed's node all the same, where a mistake does no harm.
"""

import subprocess
from pathlib import Path

import pytest

from testbed import Bed
from testbed.agent import MANIFEST


@pytest.fixture
def call(bed: Bed, binary: Path):
    def run(*arguments: object) -> subprocess.CompletedProcess:
        words = ["ip", "netns", "exec", bed.node.name, str(binary), *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)

    return run


FORMS = [
    ("-localip", "nonsense"),
    ("--localip", "nonsense"),
    ("-localip=nonsense",),
    ("--localip=nonsense",),
    ("-localip", "169.254.20.10,nonsense"),
    # Blanks and empty pieces are no reason to complain; the wrong address is.
    ("-localip", " 169.254.20.10 , ,nonsense,"),
    # Flags before it that have to be understood first.
    ("-setupinterface", "-localip", "nonsense"),
    ("-setupinterface=false", "--setupiptables=F", "-skipteardown=1", "-quiet", "-localip", "nonsense"),
    ("-syncinterval", "60", "-localip", "nonsense"),
    ("-syncinterval", "60s", "-localip", "nonsense"),
    ("-syncinterval=60ns", "-localip", "nonsense"),
    ("-p", "5353", "-localip", "nonsense"),
    ("-dns.port=5353", "-localip", "nonsense"),
    ("-health-port", "8081", "-metrics-listen-address", "127.0.0.1:9353", "-localip", "nonsense"),
    (
        "-interfacename",
        "other",
        "-upstreamsvc",
        "dns",
        "-pidfile",
        "",
        "-corefile",
        "/x",
        "-localip",
        "nonsense",
    ),
    ("-kubednscm", "", "-basecorefile", "/x", "-conf", "/y", "-reloadwithsignal", "-localip", "nonsense"),
]


@pytest.mark.parametrize("arguments", FORMS, ids=[" ".join(form) for form in FORMS])
def test_flags_are_understood_up_to_the_wrong_address(call, arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.returncode == 1, done.stderr
    assert 'invalid localip specified - "nonsense"' in done.stdout + done.stderr


WRONG = [
    # Go's flag package: usage and 2.
    (("-nosuchflag",), 2, "nosuchflag"),
    (("-setupinterface=maybe", "-localip", "169.254.20.10"), 2, "setupinterface"),
    (("-syncinterval", "soon", "-localip", "169.254.20.10"), 2, "syncinterval"),
    (("-localip",), 2, "localip"),
    # node-cache's own checks: one line and 1.
    ((), 1, "localip"),
    (("-localip", "169.254.20.10", "-health-port", "http"), 1, 'invalid healthcheck port specified - "http"'),
    (("-localip", "169.254.20.10", "-dns.port", "dns"), 1, 'invalid port specified - "dns"'),
    (("-localip", "169.254.20.10", "some", "words"), 1, "extra command line arguments"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), WRONG, ids=[" ".join(case[0]) or "nothing" for case in WRONG]
)
def test_wrong_flags(call, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = call(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr


@pytest.mark.parametrize("flag", ["-h", "-help", "--help"])
def test_help_names_the_flags(call, flag: str) -> None:
    done = call(flag)
    assert done.returncode == 0
    text = done.stdout + done.stderr
    for name in ("localip", "basecorefile", "upstreamsvc", "syncinterval", "skipteardown"):
        assert f"-{name}" in text


@pytest.mark.parametrize("arguments", [("version",), ("-version", "-localip", "169.254.20.10")])
def test_version(call, arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.returncode == 0
    assert done.stdout.strip()


@pytest.mark.parametrize("addresses", ["169.254.20.10,10.96.0.10", "fd00:20::10,fd00:96::a", "::,0.0.0.0"])
def test_check_accepts_the_corefile_of_the_overlays(call, addresses: str) -> None:
    done = call("check", MANIFEST.with_name("Corefile"), "-localip", addresses)
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_reports_every_error_with_its_place(call, tmp_path: Path) -> None:
    file = tmp_path / "Corefile"
    file.write_text(".:53 {\n    cache none\n    forward . ns.example.org\n    nosuch\n    reload 1s\n}\n")
    done = call("check", file)
    assert done.returncode == 1
    lines = (done.stdout + done.stderr).splitlines()
    places = [line.removeprefix(f"{file}:").split(": ")[:2] for line in lines if line.startswith(f"{file}:")]
    assert {place.split(":")[0] for place, level in places if level == "error"} >= {"3", "4", "5"}
    assert all(place.count(":") == 1 for place, _ in places)


def test_check_of_a_file_that_is_not_there(call, tmp_path: Path) -> None:
    done = call("check", tmp_path / "missing")
    assert done.returncode == 1
    assert "missing" in done.stderr
