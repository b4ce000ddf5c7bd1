"""Sufficient statistics of Gaussian models: cross-products by group."""

from multilevel.moments.moments import Moments, Pairs, TermBlock
from multilevel.moments.scaling import ColumnScaling, Scaling
from multilevel.moments.summarise import replace_response, summarise

__all__ = ["ColumnScaling", "Moments", "Pairs", "Scaling", "TermBlock", "replace_response", "summarise"]
