"""That the service model and our refusals know each other."""

import pytest

from entrepot.errors import Fault
from entrepot.services import ecr

# Refusals of things that do not exist here yet.
NOT_YET = {
    "UnableToGetUpstreamImageException": "cache rules",
    "UnableToGetUpstreamLayerException": "cache rules",
    "UnableToListUpstreamImageReferrersException": "cache rules",
}


def _codes(fault=Fault):
    return {fault.aws}.union(*(_codes(each) for each in fault.__subclasses__()))


@pytest.mark.parametrize("operation", sorted(ecr.service.handlers))
def test_every_error_that_an_operation_declares_can_be_raised(operation):
    declared = {shape.name for shape in ecr.service.model.service.operation_model(operation).error_shapes}

    assert declared - _codes() <= NOT_YET.keys()


def test_what_is_said_to_be_missing_is_missing():
    assert not _codes() & NOT_YET.keys()
