"""The host's types are the controller's."""

import pytest

from kolla.host import shapes
from kolla.state import plan, resources, spec

PAIRS = {
    shapes.Mount: spec.Mount,
    shapes.HealthCheck: spec.HealthCheck,
    shapes.Spec: spec.ContainerSpec,
    shapes.FileEntry: plan.FileEntry,
    shapes.Folder: plan.Folder,
    shapes.Resources: resources.Resources,
    shapes.HostOperation: plan.HostOperation,
    shapes.ImageOperation: plan.ImageOperation,
    shapes.DiscardOperation: plan.DiscardOperation,
    shapes.VolumeOperation: plan.VolumeOperation,
    shapes.ContainerOperation: plan.ContainerOperation,
    shapes.RemoveOperation: plan.RemoveOperation,
    shapes.StopOperation: plan.StopOperation,
    shapes.JobOperation: plan.JobOperation,
    shapes.EndpointOperation: plan.EndpointOperation,
    shapes.StartOperation: plan.StartOperation,
    shapes.MemberOperation: plan.MemberOperation,
    shapes.ReleaseOperation: plan.ReleaseOperation,
    shapes.SoakOperation: plan.SoakOperation,
}
NOT_FOR_HOSTS = {"host", "causes", "impact", "keeps", "does", "former", "bears"}
"""Fields of operations that the host does not read: for people, for later plans, for who gives hosts their
steps."""


@pytest.mark.parametrize("shape", PAIRS, ids=lambda shape: shape.__name__)
def test_fields_are_the_same(shape):
    assert set(shape.__annotations__) == set(PAIRS[shape].model_fields) - NOT_FOR_HOSTS


def test_every_kind_of_operation_can_be_performed():
    from kolla.host.operations import PERFORM

    kinds = {model.model_fields["kind"].default for model in PAIRS.values() if "kind" in model.model_fields}
    assert set(PERFORM) == kinds
