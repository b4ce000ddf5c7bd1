"""Sufficient statistics of Gaussian models: cross-products by group."""

from multilevel.moments.in_memory import replace_response, summarise
from multilevel.moments.layout import Layout, layout_of
from multilevel.moments.moments import Moments, Pairs, RowsByGroup, TermBlock
from multilevel.moments.scaling import ColumnScaling, Scaling

__all__ = [
    "ColumnScaling",
    "Layout",
    "Moments",
    "Pairs",
    "RowsByGroup",
    "Scaling",
    "TermBlock",
    "layout_of",
    "replace_response",
    "summarise",
]
