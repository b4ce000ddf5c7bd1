"""The words that the command understands, and which function runs each subcommand."""

from __future__ import annotations

import argparse
from typing import get_args

from multilevel.cli.commands import list_or_print_data, run_fit, run_predict, run_sample
from multilevel.cli.explaining import run_explain
from multilevel.cli.models import run_model
from multilevel.cli.pictures import KINDS, run_plot
from multilevel.engines.monte_carlo.choice import Solver
from multilevel.engines.solution import Method
from multilevel.model.families import REGISTRY
from multilevel.model.families.family import LINKS
from multilevel.results.options import Ddf
from multilevel.results.posterior_options import Sampling
from multilevel.results.questions import Groups, Scale
from multilevel.version import __version__

MODEL_EXAMPLES = """\
examples:
  multilevel model "y ~ x + (x | group)"
  multilevel model "a[g] ~ Normal(mu, tau); y ~ Normal(a[g], sigma)" --latex
  multilevel model apps.graph --data apps.csv --svg apps.svg
"""

FIT_EXAMPLES = """\
examples:
  multilevel fit "reaction ~ days + (days | subject)" sleepstudy
  multilevel fit "score ~ machine + (1 | worker/machine)" machines.csv --method ml --save machines.fit
  multilevel fit "effect ~ 1 + (1 | school)" eight_schools --residual-sd sd --format markdown
  multilevel fit "prop(incidence, size) ~ period + (1 | herd)" cbpp --family binomial
  multilevel fit "ticks ~ year + (1 | brood)" grouseticks --family negative_binomial --zero-inflation "~ 1"
"""

SAMPLE_EXAMPLES = """\
priors (--prior may be given several times; what has none keeps the default of --priors):
  days=Normal(0, 10)                a coefficient
  fixed=Normal(0, 10)               every coefficient not named
  sigma=HalfT(3, 30)                the residual sd
  subject.sd=HalfCauchy(30)         each sd of a grouping factor; subject.sd(days) is one of them
  subject.correlation=LKJ(2)        its correlations
  "subject=InverseWishart(4, [[500, 0], [0, 50]])"    its whole covariance matrix
  sigma2=InverseGamma(3, 1000)      with --residual-groups: the law of the residual variances

examples:
  multilevel sample "reaction ~ days + (days | subject)" sleepstudy --seed 1
  multilevel sample "y ~ x + (1 | g)" my.csv --prior "x=Normal(0, 1)" --save my.draws
  multilevel sample "y ~ x + (x | g)" my.csv --method gibbs --seed 1 --checkpoint my.run --resume
"""

PREDICT_EXAMPLES = """\
examples:
  multilevel predict sleep.fit new.csv
  multilevel predict sleep.fit new.csv --groups typical --interval 0.9 --format markdown
  multilevel predict ticks.fit new.csv --groups average --interval 0.9
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command; parsed options carry the function to call as ``run``."""
    parser = argparse.ArgumentParser(
        prog="multilevel", description="Fit and sample multilevel (mixed-effects) models.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"multilevel {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_fit(commands)
    _add_sample(commands)
    _add_predict(commands)
    _add_model(commands)
    _add_explain(commands)
    _add_plot(commands)
    _add_datasets(commands)
    return parser


def number_or_name(text: str) -> float | str:
    """Return a number if the text is one, otherwise the text as the name of a column."""
    try:
        return float(text)
    except ValueError:
        return text


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, examples: str = ""
) -> argparse.ArgumentParser:
    """Add a subcommand with its help."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_fit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `fit`."""
    fit = _add_command(commands, "fit", "Fit a model to a table and print the summary.", FIT_EXAMPLES)
    fit.set_defaults(run=run_fit)
    _add_model_and_data(fit)
    _add_family(fit)
    fit.add_argument(
        "--method",
        choices=get_args(Method),
        help="em_reml and em: reml and ml by expectation and maximisation; default: reml for the gaussian "
        "family, laplace for the others",
    )
    fit.add_argument(
        "--nodes",
        metavar="N",
        type=int,
        help="of --method quadrature, in each dimension; default: 25, 15 or 9",
    )
    fit.add_argument(
        "--ddf",
        choices=get_args(Ddf),
        help="degrees of freedom of the tests of coefficients; default: satterthwaite for the gaussian "
        "family, none (normal tests) for the others",
    )
    _add_solver(fit)
    fit.add_argument("--mc-error", metavar="E", type=float, default=0.01, help="in standard errors")
    fit.add_argument("--mc-seed", metavar="N", type=int, default=0, help="of --solver monte_carlo")
    _add_output(fit, "fitted model")
    _add_reading(fit)


def _add_solver(command: argparse.ArgumentParser) -> None:
    """Add ``--solver``."""
    words = "of crossed factors, for methods reml and ml; default: %(default)s"
    command.add_argument("--solver", choices=get_args(Solver), default="auto", help=words)


def _add_sample(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `sample`."""
    sample = _add_command(
        commands, "sample", "Sample the posterior of a model and print the summary.", SAMPLE_EXAMPLES
    )
    sample.set_defaults(run=run_sample)
    _add_model_and_data(sample)
    _add_family(sample)
    sample.add_argument(
        "--prior", metavar="NAME=PRIOR", action="append", default=[], help="prior of one parameter; see below"
    )
    sample.add_argument(
        "--priors",
        choices=["default", "brms", "rstanarm"],
        default="default",
        help="whose default priors, for what --prior does not name; default: %(default)s",
    )
    sample.add_argument(
        "--method", choices=["auto", "marginal", "nuts", "gibbs"], default="auto", help="default: %(default)s"
    )
    sample.add_argument(
        "--draws", metavar="N", type=int, default=4000, help="in all chains together; default: %(default)s"
    )
    sample.add_argument("--chains", metavar="N", type=int, default=4, help="default: %(default)s")
    sample.add_argument(
        "--warmup",
        metavar="N",
        type=int,
        default=1000,
        help="sweeps of each Markov chain that are left out; default: %(default)s",
    )
    sample.add_argument(
        "--seed", metavar="N", type=int, help="the same seed gives the same draws; default: a fresh one"
    )
    sample.add_argument(
        "--residual-groups",
        metavar="COL",
        help="column, or COL:COL, whose levels have residual sds of their own",
    )
    _add_output(sample, "posterior with its draws")
    _add_long_run(sample)
    _add_reading(sample)


def _add_model_and_data(command: argparse.ArgumentParser) -> None:
    """Add the model and the table."""
    _add_formula(command)
    command.add_argument(
        "data", metavar="DATA", help="a CSV or Parquet file, or the name of a bundled data set"
    )


def _add_formula(command: argparse.ArgumentParser) -> None:
    """Add the model."""
    command.add_argument(
        "formula",
        metavar="MODEL",
        help='a formula such as "y ~ x + (x | group)"; a graph such as "a[g] ~ Normal(mu, tau); '
        'y ~ Normal(a[g], sigma)"; or a file with a graph, its name ending in .graph or after @',
    )


def _add_family(command: argparse.ArgumentParser) -> None:
    """Add the distribution of the response."""
    command.add_argument(
        "--family",
        choices=tuple(REGISTRY),
        metavar="NAME",
        help=f"distribution of the response: {', '.join(REGISTRY)}; default: gaussian",
    )
    command.add_argument(
        "--link",
        choices=tuple(LINKS),
        metavar="NAME",
        help=f"of the family: {', '.join(LINKS)}; default: the usual one of the family",
    )
    command.add_argument(
        "--zero-inflation",
        metavar="FORMULA",
        help='right side of a formula, "~ 1" or "~ x", for the logit of the share of extra zeros of counts',
    )


def _add_output(command: argparse.ArgumentParser, result: str) -> None:
    """Add what is printed and saved."""
    command.add_argument("--save", metavar="OUT", help=f"also write the {result} to this file")
    command.add_argument(
        "--format",
        choices=["table", "json", "markdown", "latex"],
        default="table",
        help="of what is printed; default: %(default)s",
    )
    command.add_argument("--level", type=float, default=0.95, help="of the intervals; default: %(default)s")


def _add_long_run(command: argparse.ArgumentParser) -> None:
    """Add how a run is watched, limited and stored."""
    command.add_argument(
        "--checkpoint", metavar="PATH", help="file that is written as the run goes on; see --resume"
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in the file of --checkpoint; without that file a new run begins, so that "
        "the same command can be repeated until it is done",
    )
    command.add_argument(
        "--max-time",
        metavar="S",
        type=float,
        help="seconds after which the run ends with the draws there are",
    )
    command.add_argument(
        "--threads", metavar="N", type=int, help="default: as many as help; the draws do not depend on it"
    )
    command.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="a line on standard error with the time left; default: on a terminal, if it takes long",
    )


def _add_reading(command: argparse.ArgumentParser) -> None:
    """Add how rows are read and weighted, and how formulas are."""
    command.add_argument(
        "--missing",
        choices=["report", "drop", "error"],
        default="report",
        help="what to do with rows that have missing values: leave them out and say so, leave them out, "
        "or refuse; default: %(default)s",
    )
    command.add_argument(
        "--precision-weights", metavar="COL", help="column w of known Var(residual) = sigma^2 / w"
    )
    command.add_argument(
        "--frequency-weights", metavar="COL", help="column of how many times each row counts"
    )
    command.add_argument(
        "--residual-sd", metavar="X|COL", type=number_or_name, help="known residual sd: a number or a column"
    )
    command.add_argument(
        "--offset",
        metavar="X|COL",
        type=number_or_name,
        help="a number or column that enters with coefficient 1",
    )
    command.add_argument(
        "--lme4-compat", action="store_true", help="read || as lme4 does: split it into separate terms"
    )


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `predict`."""
    predict = _add_command(
        commands, "predict", "Predict the rows of a table from a saved fit or posterior.", PREDICT_EXAMPLES
    )
    predict.set_defaults(run=run_predict)
    predict.add_argument(
        "saved", metavar="SAVED", help="a file written with --save by `multilevel fit` or `multilevel sample`"
    )
    predict.add_argument("data", metavar="DATA", help="as in `multilevel fit`; needs no response column")
    predict.add_argument(
        "--groups",
        choices=get_args(Groups),
        default="known",
        help="for the groups of the data, for groups not seen before, for a group whose effects are zero, or "
        "on average over all groups; default: %(default)s",
    )
    predict.add_argument(
        "--scale",
        choices=get_args(Scale),
        default="response",
        help="means of the response, or the linear predictor; default: %(default)s",
    )
    predict.add_argument("--interval", metavar="P", type=float, help="probability of intervals, such as 0.9")
    predict.add_argument(
        "--observation", action="store_true", help="intervals for a single new row, residual included"
    )
    predict.add_argument(
        "--format",
        choices=["csv", "table", "json", "markdown"],
        default="csv",
        help="of what is printed; default: %(default)s",
    )


def _add_model(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `model`."""
    model = _add_command(
        commands,
        "model",
        "Show a model: its formula, graph and quantities, or one of those below.",
        MODEL_EXAMPLES,
    )
    model.set_defaults(run=run_model)
    _add_formula(model)
    form = model.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print the equations as LaTeX")
    form.add_argument("--dot", action="store_true", help="print the drawing as DOT text")
    form.add_argument("--svg", metavar="FILE", help="write the drawing to a file, ending in .svg or .dot")
    model.add_argument("--data", metavar="DATA", help="tells which names of a graph are columns")
    _add_family(model)
    model.add_argument(
        "--lme4-compat", action="store_true", help="read || as lme4 does: split it into separate terms"
    )


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `explain`."""
    explain = _add_command(
        commands,
        "explain",
        "Say what a fit or a run will read, hold in memory and do, without doing it.",
        'examples:\n  multilevel explain "y ~ x + (1 | a) + (1 | b)" ratings.parquet\n',
    )
    explain.set_defaults(run=run_explain)
    _add_model_and_data(explain)
    _add_family(explain)
    explain.add_argument(
        "--method", choices=(*get_args(Method), *get_args(Sampling)), help="of `fit` or of `sample`"
    )
    _add_solver(explain)
    explain.add_argument(
        "--draws", metavar="N", type=int, default=4000, help="for methods of `sample`; default: %(default)s"
    )
    explain.add_argument(
        "--format",
        choices=["table", "json"],
        default="table",
        help="of what is printed; default: %(default)s",
    )
    explain.add_argument(
        "--lme4-compat", action="store_true", help="read || as lme4 does: split it into separate terms"
    )


def _add_plot(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `plot`."""
    plot = _add_command(
        commands,
        "plot",
        "Draw a saved fit or posterior into a file.",
        "examples:\n  multilevel plot caterpillar sleep.fit --out subjects.png\n",
    )
    plot.set_defaults(run=run_plot)
    plot.add_argument("kind", metavar="KIND", choices=tuple(KINDS), help=", ".join(KINDS))
    plot.add_argument("saved", metavar="SAVED", help="as in `multilevel predict`")
    plot.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="ending in .png, .svg, .pdf or what else Matplotlib writes",
    )


def _add_datasets(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `datasets`."""
    data = _add_command(commands, "datasets", "List the bundled data sets, or print one as CSV.")
    data.set_defaults(run=list_or_print_data)
    data.add_argument("name", metavar="NAME", nargs="?", help="the data set to print")
