"""Model and table bound into arrays with names."""

from multilevel.design.bind import bind
from multilevel.design.design import Alias, Design, EffectsTerm, FixedPart, GroupFactor, NewRows
from multilevel.design.variables import columns_needed

__all__ = [
    "Alias",
    "Design",
    "EffectsTerm",
    "FixedPart",
    "GroupFactor",
    "NewRows",
    "bind",
    "columns_needed",
]
