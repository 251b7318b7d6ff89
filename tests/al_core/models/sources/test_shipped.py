"""Source committees shipped with Graft."""

import pytest

from al_core.errors import ConfigError
from al_core.models.committee import committee_folders
from al_core.models.sources.shipped import shipped_committee, shipped_committees


def test_every_shipped_committee_can_be_found() -> None:
    assert "si-pbe" in shipped_committees()
    for name in shipped_committees():
        assert len(committee_folders(shipped_committee(name))) >= 2


def test_one_that_is_not_shipped_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"no committee 'gold' is shipped.*si-pbe"):
        shipped_committee("gold")
