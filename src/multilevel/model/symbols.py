"""Names of a graph as LaTeX: Greek letters, subscripts, words, numbers, products of columns."""

from __future__ import annotations

import re
from collections.abc import Container

from multilevel.model.text import split_terms

GREEK = frozenset(
    [
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda"),
        *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
        *("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"),
    ]
)
"""Words that are Greek letters in LaTeX."""

COMMA = r",\,"
_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#",
    "$": r"\$", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
}  # fmt: skip


def words(text: str) -> str:
    """Return text as upright words of a formula, every character that LaTeX reads as its own escaped.

    Examples
    --------
    >>> print(words("log(wait_time)"))
    \\text{log(wait\\_time)}
    """
    return rf"\text{{{''.join(_ESCAPED.get(character, character) for character in text)}}}"


def name(text: str) -> str:
    r"""Return a parameter's or node's name: its first word a letter, what follows an underscore below it.

    Examples
    --------
    >>> print(name("mu"), name("sigma_P"), name("b_days"), name("b[1]"))
    \mu \sigma_{P} b_{\text{days}} b_{1}
    """
    letter, below = parts(text)
    return f"{letter}_{{{below}}}" if below else letter


def indexed(text: str, index: tuple[str, ...], taken: Container[str] = ()) -> str:
    r"""Return a node's name with the columns of its index below it, different from other symbols.

    Parameters
    ----------
    text
        The name. If it ends in the index, as ``a_g[g]``, that stands there once.
    index
        Columns of its index.
    taken
        Symbols of other quantities.

    Examples
    --------
    >>> print(indexed("A", ("app",)), indexed("b[0]", ("site", "year")), indexed("b_x_g", ("g",)))
    A_{\text{app}} b_{\text{site},\,\text{year},\,0} b_{x,\,g}
    >>> print(indexed("a_x", ("g",)), indexed("a", ("g",), taken=[name("a_g")]))
    a_{x[g]} a_{[g]}
    """
    plain, bracket, component = text.strip("`").partition("[")
    levels = COMMA.join(_short(column) for column in index)
    end = f"{COMMA}{component.rstrip(']')}" if bracket else ""
    letter, below = parts(plain)
    full = f"{letter}_{{{below}[{levels}]{end}}}"
    tail = "_" + "_".join(index)
    found = full
    if not below:
        found = f"{letter}_{{{levels}{end}}}"
    elif plain.endswith(tail) and len(plain) > len(tail):
        letter, below = parts(plain[: -len(tail)])
        found = f"{letter}_{{{below + COMMA if below else ''}{levels}{end}}}"
    return full if found in taken else found


def parts(text: str) -> tuple[str, str]:
    """Return the letter of a name and what stands below it."""
    text = text.strip("`")
    plain, bracket, component = text.partition("[")
    first, _, rest = plain.partition("_")
    match = re.fullmatch(r"([^\W\d]+?)(\d+)", first)
    base, digits = (match[1], match[2]) if match else (first, "")
    if not base:
        return words(plain), component.rstrip("]")
    below = [digits, _short(rest) if rest else "", component.rstrip("]") if bracket else ""]
    return _letter(base), COMMA.join(part for part in below if part)


def _short(word: str) -> str:
    """Return a word below a letter."""
    if word in GREEK:
        return f"\\{word}"
    return word if _is_letter(word) or word.isdigit() else words(word)


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isascii() and word.isalpha()


def _letter(base: str) -> str:
    """Return a letter in italics, a Greek letter, or a word."""
    if base in GREEK:
        return f"\\{base}"
    return base if _is_letter(base) else words(base)


def product(columns: str) -> str:
    r"""Return a product of columns.

    Examples
    --------
    >>> print(product("x:log(size)"))
    x \, \log(\text{size})
    >>> print(product("`wait time`"))
    \text{wait time}
    """
    return r" \, ".join(column(factor) for factor in split_terms(columns, ":"))


def column(text: str) -> str:
    """Return a column, or an expression of columns."""
    call = re.fullmatch(r"(log|exp|sqrt|I)\((`[^`]*`|[^\W\d]\w*)(?: \*\* (\d+))?\)", text)
    if call and call[1] == "I" and call[3]:
        return f"{column(call[2])}^{{{call[3]}}}"
    if call and call[1] != "I" and not call[3]:
        inside = column(call[2])
        return rf"\sqrt{{{inside}}}" if call[1] == "sqrt" else rf"\{call[1]}({inside})"
    text = text.strip("`") if text.count("`") == 2 and text[0] == text[-1] == "`" else text
    return text if _is_letter(text) else words(text)


def number(value: float) -> str:
    r"""Return a number.

    Examples
    --------
    >>> print(number(2.5), number(1e-7))
    2.5 10^{-7}
    """
    text = f"{value:g}"
    digits, has_power, power = text.partition("e")
    if not has_power:
        return text
    return f"10^{{{int(power)}}}" if digits == "1" else rf"{digits} \cdot 10^{{{int(power)}}}"
