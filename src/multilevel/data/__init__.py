"""The caller's table made safe: columns, levels, missing values; bundled data sets."""

from multilevel.data import datasets
from multilevel.data.give_back import to_library
from multilevel.data.reading import column_names, read_table
from multilevel.data.table import Column, Library, Table

__all__ = ["Column", "Library", "Table", "column_names", "datasets", "read_table", "to_library"]
