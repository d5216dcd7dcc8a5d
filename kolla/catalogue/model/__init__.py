"""What a `service.yml` may say.

Every string marked *expression* may hold Jinja (`{{ keystone_port }}`); it is evaluated
lazily, once per host, when the desired state is made. Everything else is a literal.
`docs/adding-a-service.md` explains these words by example; the reference is generated from here.
"""

from kolla.catalogue.model.capability import Domain, Entry, Identity, Provision, Storage, StorageUser
from kolla.catalogue.model.container import (
    Bind,
    ConfigFile,
    Container,
    Health,
    Impact,
    Requirements,
    Traffic,
)
from kolla.catalogue.model.endpoint import Answer, Endpoint
from kolla.catalogue.model.host import HostResources, KernelModule, Leaving
from kolla.catalogue.model.image import Binary, ConfigOptions, Image, NamedSections, Software, User
from kolla.catalogue.model.job import Argument, Check, Job, Verb
from kolla.catalogue.model.service import Service, ServiceFolder
from kolla.catalogue.model.setting import Field, Password, Setting
from kolla.catalogue.model.upgrade import Return, Upgrade
from kolla.catalogue.model.words import (
    FIRST,
    Absolute,
    Amount,
    Capability,
    Device,
    Directory,
    Expression,
    Key,
    Mode,
    Model,
    Module,
    Name,
    Package,
    Packages,
    Pair,
    Parents,
    Platform,
    Sysctl,
    UpdateOrder,
    Volume,
)

__all__ = [
    "FIRST",
    "Absolute",
    "Amount",
    "Answer",
    "Argument",
    "Binary",
    "Bind",
    "Capability",
    "Check",
    "ConfigFile",
    "ConfigOptions",
    "Container",
    "Device",
    "Directory",
    "Domain",
    "Endpoint",
    "Entry",
    "Expression",
    "Field",
    "Health",
    "HostResources",
    "Identity",
    "Image",
    "Impact",
    "Job",
    "KernelModule",
    "Key",
    "Leaving",
    "Mode",
    "Model",
    "Module",
    "Name",
    "NamedSections",
    "Package",
    "Packages",
    "Pair",
    "Parents",
    "Password",
    "Platform",
    "Provision",
    "Requirements",
    "Return",
    "Service",
    "ServiceFolder",
    "Setting",
    "Software",
    "Storage",
    "StorageUser",
    "Sysctl",
    "Traffic",
    "UpdateOrder",
    "Upgrade",
    "User",
    "Verb",
    "Volume",
]
