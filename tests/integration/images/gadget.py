"""A small distribution in a git repository, made by the tests."""

import subprocess
from pathlib import Path

PROJECT = """\
[build-system]
requires = ["pbr", "setuptools"]
build-backend = "setuptools.build_meta"
"""
SETUP = "import setuptools\nsetuptools.setup(setup_requires=['pbr'], pbr=True)\n"
CONFIG = """\
[metadata]
name = {name}
[files]
packages = {package}
[entry_points]
neutron.service_plugins =
    {package} = {package}:answer
"""


class Gadget:
    """A distribution with one function `answer`, packaged with pbr as OpenStack's are."""

    def __init__(self, path: Path, name: str = "gadget", requires: str = "MarkupSafe") -> None:
        self.path = path
        self.package = name.replace("-", "_")
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.write("pyproject.toml", PROJECT)
        self.write("setup.py", SETUP)
        self.write("setup.cfg", CONFIG.format(name=name, package=self.package))
        self.write("requirements.txt", f"{requires}\n")
        self.write(f"{self.package}/data/words.txt", "data\n")
        self.answer("one")
        self.commit()

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        command = ["git", "-C", str(self.path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, name: str, text: str) -> None:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text)

    def answer(self, word: str) -> None:
        self.write(f"{self.package}/__init__.py", f'def answer():\n    return "{word}"\n')

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def patch(self, directory: Path, name: str, old: str, new: str) -> None:
        """A patch of what `answer` gives."""
        directory.mkdir(exist_ok=True)
        file = f"{self.package}/__init__.py"
        hunk = f'@@ -1,2 +1,2 @@\n def answer():\n-    return "{old}"\n+    return "{new}"\n'
        (directory / name).write_text(f"--- a/{file}\n+++ b/{file}\n{hunk}")
