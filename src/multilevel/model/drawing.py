"""The drawing of a model that the user holds: SVG for notebooks and files, DOT for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from multilevel.errors import OptionError, StorageError
from multilevel.model.dot import dot
from multilevel.model.quantities import Quantities
from multilevel.model.svg import svg


@dataclass(frozen=True, slots=True, repr=False)
class Drawing:
    """A plate diagram.

    Variables are circles, as wide as their names need, and shaded if they are observed; parameters have a
    double line; constants - columns of the data and known numbers - have corners. An arrow goes from each
    quantity to those in whose distribution it stands. A plate stands round what has a value for each level
    of a factor, inside the plate of the factor in which its levels are nested; where factors are crossed, the
    response stands in a plate of the rows below them.

    Parameters
    ----------
    quantities
        What is drawn. Notebooks show the drawing; ``svg`` and ``dot`` are its texts.

    Examples
    --------
    >>> import multilevel as ml
    >>> drawing = ml.graph("a[g] ~ Normal(mu, tau); y ~ Normal(a[g], sigma)").draw()
    >>> drawing
    Drawing of 5 quantities; .save("model.svg") writes it to a file
    >>> drawing.dot.splitlines()[0]
    'digraph model {'
    """

    quantities: Quantities

    @property
    def svg(self) -> str:
        """The drawing as an SVG document."""
        return svg(self.quantities)

    @property
    def dot(self) -> str:
        """The drawing as DOT text."""
        return dot(self.quantities)

    def save(self, path: str | Path) -> None:
        """Write the drawing to a file, whose name ends in ``.svg`` or ``.dot``.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        OptionError
            If the name has another ending.
        StorageError
            If the file cannot be written.
        """
        kind = Path(path).suffix.lower()
        if kind not in (".svg", ".dot"):
            raise OptionError(
                f"a drawing cannot be written to {str(path)!r}", allowed="names that end in .svg or .dot"
            )
        try:
            Path(path).write_text(self.svg if kind == ".svg" else self.dot, encoding="utf-8")
        except OSError as error:
            raise StorageError(f"{str(path)!r} cannot be written: {error.strerror}") from error

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f'Drawing of {len(self.quantities.rows)} quantities; .save("model.svg") writes it to a file'
