"""Model and table bound into arrays with names."""

from multilevel.design.bind import bind
from multilevel.design.design import Alias, Design, EffectsTerm, FixedPart, GroupFactor, NewRows
from multilevel.design.new_rows import bind_new, new_columns_needed
from multilevel.design.variables import columns_needed

__all__ = [
    "Alias",
    "Design",
    "EffectsTerm",
    "FixedPart",
    "GroupFactor",
    "NewRows",
    "bind",
    "bind_new",
    "columns_needed",
    "new_columns_needed",
]
