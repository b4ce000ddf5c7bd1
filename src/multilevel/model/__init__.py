"""Nouns of a model, without data: terms, covariance structures, the model itself."""

from multilevel.model.model import Model
from multilevel.model.terms import Covariance, GroupTerm
from multilevel.model.text import formula_text, quoted, term_text

__all__ = ["Covariance", "GroupTerm", "Model", "formula_text", "quoted", "term_text"]
