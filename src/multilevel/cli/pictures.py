"""What `multilevel plot` does: a picture of a saved result, written to a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from multilevel import plots
from multilevel.cli.commands import load_result
from multilevel.errors import OptionError, StorageError
from multilevel.results.fit import Fit

KINDS: Mapping[str, Callable[..., Any]] = {
    "shrinkage": plots.shrinkage,
    "poolings": plots.poolings,
    "caterpillar": plots.caterpillar,
    "pooling-weights": plots.pooling_weights,
    "coefficients": plots.coefficients,
    "residuals": plots.residuals,
    "predictive": plots.predictive,
    "trace": plots.trace,
    "ranks": plots.ranks,
}
OF_POSTERIORS, OF_FITS = ("trace", "ranks"), ("poolings",)


def run_plot(options: argparse.Namespace) -> None:
    """Draw a saved fit or posterior and write the picture.

    Raises
    ------
    OptionError
        If the picture is not of such results, or Matplotlib does not write such files.
    StorageError
        If the result cannot be read, or the picture cannot be written.
    """
    result = load_result(options.saved)
    if options.kind in OF_POSTERIORS and isinstance(result, Fit):
        raise OptionError(
            f"plot {options.kind} was asked of a fit, which has no chains", allowed="a saved posterior"
        )
    if options.kind in OF_FITS and not isinstance(result, Fit):
        raise OptionError(f"plot {options.kind} was asked of a posterior", allowed="a saved fit")
    drawn = KINDS[options.kind](result)
    figure = drawn if hasattr(drawn, "savefig") else drawn.figure
    known = figure.canvas.get_supported_filetypes()
    suffix = Path(options.out).suffix.removeprefix(".").lower()
    if suffix not in known:
        raise OptionError(
            f"--out {options.out} does not end like a picture",
            allowed=", ".join(f".{name}" for name in known),
            remedy=f"--out {Path(options.out).with_suffix('.png')}",
        )
    try:
        figure.savefig(options.out, dpi=150)
    except OSError as error:
        raise StorageError(f"the picture cannot be written to {options.out}: {error.strerror}") from error
