"""Image scripts as modules, to test the parts of them that need no service."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import kolla

SERVICES = Path(kolla.__file__).parent / "services"


def load(service: str, file: str) -> ModuleType:
    """The program or module `file` of a service's `image/` folder."""
    path = SERVICES / service / "image" / file
    name = path.stem
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    specification = importlib.util.spec_from_loader(name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # where dataclasses look for their own module
    loader.exec_module(module)
    return module
