"""What the code on a host may be made of: it runs on Python 3.9, with nothing but the docker SDK."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kolla.host
from kolla.host.main import VERBS

MODULES = sorted(Path(kolla.host.__path__[0]).glob("*.py"))
ALLOWED = {"docker", "requests"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_syntax_and_imports(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names | ALLOWED, f"{path.name} imports {name}"


@pytest.mark.parametrize("verb", ["follow", "release"])
def test_following_a_run_does_not_wait_for_the_engines_client(verb):
    module = f"kolla.host.{VERBS[verb]}"
    program = f"import sys, kolla.host.main, {module}; sys.exit('docker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
