import pytest
from pydantic import ValidationError

from kolla.state.host_state import Observation


def test_what_is_refused_is_not_shown():
    with pytest.raises(ValidationError) as caught:
        Observation.model_validate({"facts": {"cores": "hunter22"}, "state": "hunter22"})
    assert "facts.cores" in str(caught.value)
    assert "hunter22" not in str(caught.value)
