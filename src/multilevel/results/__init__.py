"""What the user holds, and how it is saved and loaded."""

from multilevel.results.fit import Answers, Fit
from multilevel.results.options import FitOptions
from multilevel.results.questions import Columns, Frame, Groups
from multilevel.results.store import Saved, read, save, verify

__all__ = ["Answers", "Columns", "Fit", "FitOptions", "Frame", "Groups", "Saved", "read", "save", "verify"]
