"""A Spark cluster of two worker processes on this machine, started once for all tests that need it."""

from __future__ import annotations

import os
import sys
import warnings
from functools import cache
from typing import Any


def spark_session() -> Any:
    """Start the cluster if it does not run, which takes half a minute, and return its session.

    The workers are processes of their own with one core and 1 GB each; rows reach them as files only. Nothing
    is compiled: the tables of tests are small.
    """
    if _started().sparkContext._jsc is None:
        _started.cache_clear()
    return _started()


@cache
def _started() -> Any:
    """Start the cluster and return its session."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PySpark says of the version of pandas
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("multilevel")
        for name, value in {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
    return session
