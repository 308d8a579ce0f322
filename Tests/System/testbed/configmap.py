"""A ConfigMap mounted as the kubelet does it: files behind a `..data` link that changes at once."""

import itertools
import os
import shutil
from pathlib import Path


class ProjectedConfigMap:
    """The directory of a projected ConfigMap volume.

    `directory/key` -> `..data/key`, `..data` -> `..2026_…`: one rename changes all keys together.
    """

    def __init__(self, directory: Path, **keys: str) -> None:
        self.directory = directory
        self.counter = itertools.count()
        directory.mkdir(parents=True, exist_ok=True)
        self.replace(keys)

    def replace(self, keys: dict[str, str]) -> None:
        """Makes `keys` (file name -> text) the whole content, atomically."""
        old = self.directory / "..data"
        previous = os.readlink(old) if old.is_symlink() else None
        fresh = self.directory / f"..2026_11_21_{next(self.counter):06}"
        fresh.mkdir()
        for key, text in keys.items():
            (fresh / key).write_text(text)
        link = self.directory / "..data_tmp"
        link.symlink_to(fresh.name)
        link.rename(old)
        for key in keys:
            if not (self.directory / key).is_symlink():
                (self.directory / key).symlink_to(f"..data/{key}")
        for entry in self.directory.iterdir():
            if not entry.name.startswith("..") and entry.name not in keys:
                entry.unlink()
        if previous:
            shutil.rmtree(self.directory / previous)
