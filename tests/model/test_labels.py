"""Labels of drawings."""

from __future__ import annotations

import pytest

from multilevel.model.labels import SIZE, drawn_width, runs, text_width, width

PIECES = [
    ("mu", (("μ", False),)),
    ("sigma_P", (("σ", False), ("P", True))),
    ("Sigma_g", (("Σ", False), ("g", True))),
    ("lambda0", (("λ", False), ("0", True))),
    ("tau_mu", (("τ", False), ("μ", True))),
    ("b[1]", (("b", False), ("1", True))),
    ("b_x_g", (("b", False), ("x_g", True))),
    ("wait_time", (("wait_time", False),)),
    ("log(x)", (("log(x)", False),)),
    ("`wait time`", (("wait time", False),)),
    ("a_g, b_x_g", (("a", False), ("g", True), (", b", False), ("x_g", True))),
    ("2.5", (("2.5", False),)),
]


@pytest.mark.parametrize(("name", "wanted"), PIECES)
def test_pieces(name, wanted):
    assert runs(name) == wanted


def test_widths_are_helveticas():
    # Adobe's metrics of Helvetica: A 667, i 222, m 833, space 278 thousandths of the size.
    assert text_width("A im", 1000.0) == 667 + 278 + 222 + 833


def test_subscripts_are_smaller_and_there_is_room_for_wider_fonts():
    assert drawn_width((("a", True),)) < drawn_width((("a", False),)) == pytest.approx(0.556 * SIZE, abs=0.01)
    assert width((("a", False),)) > drawn_width((("a", False),))
    assert text_width("学校", 10.0) == 21.0
