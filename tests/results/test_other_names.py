"""Names of other programs lead to ours."""

from __future__ import annotations

import re

import pytest

import multilevel as ml
from multilevel.results.other_names import OTHER_NAMES, absent_attribute


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_name_from_elsewhere_leads_to_what_a_fit_has(name: str) -> None:
    fit = ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff"))
    with pytest.raises(AttributeError, match=f"a fit has no `{name}`\n  try: ") as caught:
        getattr(fit, name)
    assert caught.value.name == name
    for attribute in re.findall(r"fit\.(\w+)", OTHER_NAMES[name]):
        assert hasattr(fit, attribute)


def test_any_other_name_is_simply_absent() -> None:
    assert str(absent_attribute("nonsense")) == "a fit has no `nonsense`"
