"""What `multilevel explain` does: it says what a fit or a run will read, hold and do."""

from __future__ import annotations

import argparse
import json

from multilevel.cli.commands import find_data, given_family
from multilevel.cli.model_texts import read_model
from multilevel.explanations import explain


def run_explain(options: argparse.Namespace) -> None:
    """Print the explanation of a job."""
    found = explain(
        read_model(options.formula),
        find_data(options.data),
        method=options.method,
        solver=options.solver,
        draws=options.draws,
        family=given_family(options.family, options.link),
        zero_inflation=options.zero_inflation,
        lme4_compat=options.lme4_compat,
    )
    if options.format == "json":
        print(json.dumps(dict(found.facts), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(found)
