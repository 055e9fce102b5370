"""The tool in both versions that the tests compare with: what 3.0 reads and what 3.3 reads differs in places."""

from __future__ import annotations

import pytest

from tests.interop.tool import BeleniosTool


@pytest.fixture(params=["belenios_tool", "belenios_tool_sid"])
def tool(request: pytest.FixtureRequest) -> BeleniosTool:
    """First the one, then the other version."""
    return BeleniosTool(request.getfixturevalue(request.param))
