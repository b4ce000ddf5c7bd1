"""Sums over Parquet files: our own streaming pass."""
