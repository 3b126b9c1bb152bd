"""Vendored files have their licence in the same folder."""

from __future__ import annotations

import pytest

from upkeep.checkout import ROOT

VENDORED = ("server/web/openapi/viewer", "server/web/pages/static/vendor/uplot")


@pytest.mark.parametrize("folder", VENDORED)
def test_a_vendored_file_has_its_licence_beside_it(folder: str) -> None:
    assert list((ROOT / folder).glob("*LICENSE*"))
