"""Sums computed by the engine that holds the rows: DuckDB, polars, PySpark, Dask, through Narwhals."""
