"""Nouns of a model, without data: terms, covariance structures, the model itself."""

from multilevel.model.model import Model
from multilevel.model.terms import Covariance, GroupTerm

__all__ = ["Covariance", "GroupTerm", "Model"]
