"""scripts/release, in a clone of its own: what it refuses, and what a release holds."""

import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from testbed.agent import REPOSITORY

VERSION = "9.8.7-rc.1"
NAME = "node-local-dns"


def git(clone: Path, *words: str) -> str:
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "tag.gpgSign=false")
    return subprocess.run(
        ["git", *identity, *words], cwd=clone, check=True, capture_output=True, text=True
    ).stdout


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """This tree as a commit that is ready to be released; the Python packages are ours."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", REPOSITORY, clone], check=True)
    for name in ("scripts", "manifests", "docs", "CHANGELOG.md", "README.md", ".gitignore"):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, clone / name, dirs_exist_ok=True)
        else:
            shutil.copy(source, clone / name)
    (clone / ".build").mkdir()
    (clone / ".build" / "venv").symlink_to(REPOSITORY / ".build" / "venv")
    shutil.copy(REPOSITORY / "Package.resolved", clone)
    for word, value in (("user.name", "Tester"), ("user.email", "tester@example.org"), ("tag.gpgSign", "false")):
        git(clone, "config", word, value)
    replace(clone / "CHANGELOG.md", "## Unreleased\n", f"## Unreleased\n\n## {VERSION} – 2026-11-30\n")
    replace(clone / "manifests/base/nodelocaldns.yaml", f"image: {NAME}:latest", f"image: {NAME}:{VERSION}")
    replace(clone / "manifests/base/kustomization.yaml", "newTag: latest", f"newTag: {VERSION}")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", f"Release {VERSION}")
    return clone


def release(clone: Path, *words: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [clone / "scripts" / "release", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def program(directory: Path, version: str) -> Path:
    """A binary that says it is this version."""
    source = directory / "program.c"
    source.write_text(f'#include <stdio.h>\nint main(void) {{ puts("{NAME}-{version}"); }}\n')
    subprocess.run(["gcc", "-o", directory / "program", source], check=True)
    return directory / "program"


def test_a_commit_that_is_ready(clone: Path) -> None:
    done = release(clone, "--check", VERSION)
    assert (done.returncode, done.stdout) == (0, f"this commit can be {NAME} {VERSION}\n"), done.stderr
    assert git(clone, "tag") == "" and git(clone, "status", "--porcelain") == ""


FAULTS = {
    "untracked": lambda clone: (clone / "left-over").write_text(""),
    "changed": lambda clone: replace(clone / "README.md", "# node-local-dns", "# node-local-dns "),
    "tagged": lambda clone: git(clone, "tag", f"v{VERSION}"),
    "unwritten": lambda clone: replace(clone / "CHANGELOG.md", f"## {VERSION} – 2026-11-30\n", ""),
    "image": lambda clone: replace(clone / "manifests/base/nodelocaldns.yaml", VERSION, "latest"),
    "tag-of-image": lambda clone: replace(clone / "manifests/base/kustomization.yaml", VERSION, "latest"),
}
SAID = {
    "untracked": "the tree is not clean",
    "changed": "the tree is not clean",
    "tagged": f"the tag v{VERSION} is there",
    "unwritten": "CHANGELOG.md has something under '## Unreleased'",
    "image": "nodelocaldns.yaml names another image",
    "tag-of-image": "kustomization.yaml names another tag",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_it_refuses(clone: Path, fault: str) -> None:
    FAULTS[fault](clone)
    tags = git(clone, "tag")
    for words in (["--check", VERSION], [VERSION, "--binary", "/bin/true"]):
        done = release(clone, *words)
        assert done.returncode == 1
        assert SAID[fault] in done.stderr and f"this commit is not {NAME} {VERSION}" in done.stderr
    assert git(clone, "tag") == tags
    assert not (clone / ".build" / "releases").exists()


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "01.2.3", "1.2.3+build", "latest"])
def test_what_is_no_version(clone: Path, version: str) -> None:
    done = release(clone, "--check", version)
    assert done.returncode == 1 and f"{version} is no semantic version" in done.stderr


@pytest.mark.parametrize(
    "words", [[], ["--check"], [VERSION, "--frob"], ["--check", VERSION, "--binary", "/bin/true"]], ids=" ".join
)
def test_how_it_is_called(clone: Path, words: list[str]) -> None:
    done = release(clone, *words)
    assert done.returncode == 1 and "usage: scripts/release" in done.stderr


def test_a_binary_of_another_version(clone: Path, tmp_path: Path) -> None:
    done = release(clone, VERSION, "--binary", program(tmp_path, "1.0.0"))
    assert done.returncode == 1 and f"the binary says it is {NAME}-1.0.0" in done.stderr
    assert git(clone, "tag") == ""
    assert not (clone / ".build" / "releases").exists()


def test_what_a_release_holds(clone: Path, tmp_path: Path) -> None:
    done = release(clone, VERSION, "--binary", program(tmp_path, VERSION))
    assert done.returncode == 0, done.stdout + done.stderr
    made = clone / ".build" / "releases" / VERSION
    stem = f"{NAME}-{VERSION}"
    files = {f"{stem}-linux-amd64.{kind}" for kind in ("tar", "spdx.json", "digest")} | {
        f"{stem}-manifests.tar.gz",
        f"{stem}-Package.resolved",
    }
    assert {path.name for path in made.iterdir()} == files | {"SHA256SUMS"}
    sums = dict(reversed(line.split()) for line in (made / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in files}
    # The tag says what changed, and the image what tag it is.
    assert git(clone, "cat-file", "-t", f"v{VERSION}") == "tag\n"
    assert "The first release will have:" in git(clone, "tag", "--list", "-n20", f"v{VERSION}")
    with tarfile.open(made / f"{stem}-linux-amd64.tar") as archive:
        index = json.load(archive.extractfile("index.json"))
    (image,) = index["manifests"]
    assert image["digest"] == (made / f"{stem}-linux-amd64.digest").read_text()
    assert image["annotations"]["org.opencontainers.image.ref.name"] == f"{NAME}:{VERSION}"
    document = json.loads((made / f"{stem}-linux-amd64.spdx.json").read_text())
    assert document["name"] == stem
    with tarfile.open(made / f"{stem}-manifests.tar.gz") as archive:
        names = archive.getnames()
    for wanted in ("manifests/base/nodelocaldns.yaml", "manifests/overlays/cilium/kustomization.yaml", "LICENSE"):
        assert f"{stem}/{wanted}" in names
    # Not a second time.
    assert f"the tag v{VERSION} is there" in release(clone, VERSION).stderr
