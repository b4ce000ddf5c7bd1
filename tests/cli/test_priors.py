"""Texts of priors become the dictionary that the library takes; what is wrong with them is said."""

from __future__ import annotations

import pytest

import multilevel as ml
from multilevel.cli.priors import KINDS, read_prior, read_priors
from multilevel.errors import OptionError

READ = {
    "a coefficient": ("days=Normal(0, 10)", ("days", ml.Normal(0.0, 10.0))),
    "blanks": (" days = Normal ( 0 , 10 ) ", ("days", ml.Normal(0.0, 10.0))),
    "forms of numbers": ("x=StudentT(3., -.5, +1e1)", ("x", ml.StudentT(3.0, -0.5, 10.0))),
    "no arguments": ("x=Flat()", ("x", ml.Flat())),
    "lists": (
        "subject=InverseWishart(4, [[500, 0], [0, 50]])",
        ("subject", ml.InverseWishart(4.0, [[500.0, 0.0], [0.0, 50.0]])),
    ),
    "two lists": (
        "fixed=MVNormal([0, 1], [[2,0],[0,3]])",
        ("fixed", ml.MVNormal([0.0, 1.0], [[2.0, 0.0], [0.0, 3.0]])),
    ),
    "a law with unknown parameters": (
        "sigma2 = Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale = 3)",
        ("sigma2", ml.Hierarchical(ml.InverseGamma, shape=ml.Gamma(2.0, 0.1), scale=3.0)),
    ),
    "a law on the log scale": (
        "sigma=Hierarchical(LogNormal, mu=-1e-1, variance=InverseGamma(3, 1))",
        ("sigma", ml.Hierarchical(ml.LogNormal, mu=-0.1, variance=ml.InverseGamma(3.0, 1.0))),
    ),
    "an equals sign in a name": ("C(x, base=1)[2]=Normal(0, 1)", ("C(x, base=1)[2]", ml.Normal(0.0, 1.0))),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ)
def test_a_prior_is_read(text: str, expected: tuple[str, object]) -> None:
    assert read_prior(text) == expected


def test_every_prior_of_the_library_can_be_written() -> None:
    public = {name: getattr(ml, name) for name in ml.__all__}
    named = {
        name
        for name, thing in public.items()
        if isinstance(thing, type) and thing.__module__.startswith("multilevel.model.priors")
    }
    assert set(KINDS) == named


def test_parts_of_a_grouping_factor_come_together() -> None:
    texts = ["subject.sd(days)=HalfT(3, 5)", "subject.correlation=LKJ(2)", "a:b.variance=InverseGamma(1, 2)"]
    assert read_priors(texts) == {
        "subject": {"sd": {"days": ml.HalfT(3.0, 5.0)}, "correlation": ml.LKJ(2.0)},
        "a:b": {"variance": ml.InverseGamma(1.0, 2.0)},
    }


def test_a_correlation_may_have_a_range_or_a_value() -> None:
    assert read_priors(["g.correlation=Uniform(0, 1)", "h.correlation=Fixed(0.5)"]) == {
        "g": {"correlation": ml.Uniform(0.0, 1.0)},
        "h": {"correlation": ml.Fixed(0.5)},
    }


def test_terms_of_one_factor_are_told_apart() -> None:
    assert read_priors(["g[1].sd=HalfNormal(1)", "g[2].sd=HalfNormal(2)"]) == {
        "g[1]": {"sd": ml.HalfNormal(1.0)},
        "g[2]": {"sd": ml.HalfNormal(2.0)},
    }


def test_a_name_in_backticks_has_no_parts() -> None:
    assert read_priors(["`x.sd`=Normal(0, 1)"]) == {"`x.sd`": ml.Normal(0.0, 1.0)}


def test_whose_defaults_complete_the_priors() -> None:
    assert read_priors([" default = brms ", "days=Normal(0, 1)"]) == {
        "default": "brms",
        "days": ml.Normal(0.0, 1.0),
    }
    assert read_priors(["`default`=Normal(0, 1)"]) == {"`default`": ml.Normal(0.0, 1.0)}


FORM = "  allowed: NAME=PRIOR(numbers), such as days=Normal(0, 10) or subject.sd=HalfCauchy(30)"
LISTS = "  allowed: numbers, and lists of them such as [0, 1] or [[500, 0], [0, 50]], with commas between"
ONE = "  allowed: one prior for the whole, or one for each part\n  try: leave one of them out"
LAYERED = (
    "Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale=Exponential(0.1))"
    " or Hierarchical(LogNormal, mu=Normal(0, 2), sigma=HalfNormal(1))"
)
WRONG = {
    "no name": (["=Normal(0, 1)"], f"--prior '=Normal(0, 1)' cannot be read\n{FORM}"),
    "no prior": (["days"], f"--prior 'days' cannot be read\n{FORM}"),
    "a number": (["days=3"], f"--prior 'days=3' cannot be read\n{FORM}"),
    "no end": (["days=Normal(0, 1"], f"--prior 'days=Normal(0, 1' cannot be read\n{FORM}"),
    "too few": (
        ["days=Normal(0)"],
        "--prior 'days=Normal(0)': Normal has 2 arguments, found 1\n  allowed: Normal(mean, sd)",
    ),
    "a value": (
        ["days=Normal(0, -1)"],
        "--prior 'days=Normal(0, -1)': Normal: sd is -1\n  allowed: a positive finite number",
    ),
    "a word": (
        ["days=Normal(0, sd)"],
        f"--prior 'days=Normal(0, sd)': the arguments cannot be read at `sd`\n{LISTS}",
    ),
    "no comma": (["d=Normal(0 1)"], f"--prior 'd=Normal(0 1)': the arguments cannot be read at `1`\n{LISTS}"),
    "comma last": (["d=LKJ(1,)"], f"--prior 'd=LKJ(1,)': the arguments cannot be read to the end\n{LISTS}"),
    "open list": (["d=LKJ([1)"], f"--prior 'd=LKJ([1)': the arguments cannot be read to the end\n{LISTS}"),
    "closed twice": (["d=LKJ(1])"], f"--prior 'd=LKJ(1])': the arguments cannot be read at `]`\n{LISTS}"),
    "too deep": (
        ["d=LKJ([[[1]]])"],
        f"--prior 'd=LKJ([[[1]]])': the arguments cannot be read at `[`\n{LISTS}",
    ),
    "an infinity": (
        ["d=LKJ(1e999)"],
        "--prior 'd=LKJ(1e999)': LKJ: eta is inf\n  allowed: a positive finite number",
    ),
    "no law": (
        ["s=Hierarchical(Gamma, shape=1)"],
        f"--prior 's=Hierarchical(Gamma, shape=1)': there is no law `Gamma`\n  allowed: {LAYERED}",
    ),
    "a parameter without a prior": (
        ["s=Hierarchical(LogNormal, mu)"],
        f"--prior 's=Hierarchical(LogNormal, mu)': the arguments cannot be read at `mu`\n"
        f"  allowed: {LAYERED}",
    ),
    "a parameter's value": (
        ["s=Hierarchical(LogNormal, mu=a, sigma=1)"],
        "--prior 's=Hierarchical(LogNormal, mu=a, sigma=1)': Hierarchical: mu is 'a'\n"
        "  allowed: a prior of one number, or a number\n"
        "  try: Hierarchical(LogNormal, mu=Normal(0, 2), sigma=HalfNormal(1))",
    ),
    "a parameter's prior": (
        ["s=Hierarchical(LogNormal, mu=Normal(0, 1), sigma=HalfNormal(1, 2))"],
        "--prior 's=Hierarchical(LogNormal, mu=Normal(0, 1), sigma=HalfNormal(1, 2))':"
        " HalfNormal has 1 arguments, found 2\n  allowed: HalfNormal(sd)",
    ),
    "one effect's correlation": (
        ["g.correlation(x)=LKJ(1)"],
        "--prior 'g.correlation(x)=LKJ(1)': a correlation matrix has one prior for all effects\n"
        "  allowed: g.correlation=LKJ(eta)",
    ),
    "twice": (
        ["x=Flat()", "x=Flat()"],
        f"--prior 'x=Flat()' is a second prior of `x` or of a part of it\n{ONE}",
    ),
    "defaults twice": (
        ["default=brms", "default=rstanarm"],
        f"--prior 'default=rstanarm' is a second prior of `default` or of a part of it\n{ONE}",
    ),
    "whole and part": (
        ["g=FixedMatrix([[1]])", "g.sd=HalfNormal(1)"],
        f"--prior 'g.sd=HalfNormal(1)' is a second prior of `g.sd` or of a part of it\n{ONE}",
    ),
    "part and whole": (
        ["g.sd(x)=HalfNormal(1)", "g.sd=HalfNormal(1)"],
        f"--prior 'g.sd=HalfNormal(1)' is a second prior of `g.sd` or of a part of it\n{ONE}",
    ),
}


@pytest.mark.parametrize(("texts", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(texts: list[str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_priors(texts)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "near"), [("normal", "Normal"), ("__import__", ""), ("Decov", ""), ("ScalarPrior", "")]
)
def test_only_names_of_priors_are_called(kind: str, near: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_prior(f"x={kind}(1)")
    assert caught.value.asked == f"--prior 'x={kind}(1)': there is no prior `{kind}`"
    assert caught.value.allowed == ", ".join(KINDS)
    assert not near or caught.value.remedy == near
