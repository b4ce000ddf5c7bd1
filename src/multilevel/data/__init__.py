"""The caller's table made safe: columns, levels, missing values; bundled data sets."""
