"""Formulas: text that becomes a `Model`; the whitelist of functions; errors that point at the character."""

from multilevel.language.expression import (
    Binary,
    Call,
    Column,
    Constant,
    Expression,
    Unary,
    columns_of,
    expression_text,
)
from multilevel.language.formula import parse_formula
from multilevel.language.functions import CONTRASTS, FUNCTIONS, Contrast, Function
from multilevel.language.given import given_model, with_family
from multilevel.language.pieces import expression_variables, parse_expression, parse_terms
from multilevel.language.terms import Factor, Terms

__all__ = [
    "CONTRASTS",
    "FUNCTIONS",
    "Binary",
    "Call",
    "Column",
    "Constant",
    "Contrast",
    "Expression",
    "Factor",
    "Function",
    "Terms",
    "Unary",
    "columns_of",
    "expression_text",
    "expression_variables",
    "given_model",
    "parse_expression",
    "parse_formula",
    "parse_terms",
    "with_family",
]
