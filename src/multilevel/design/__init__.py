"""Model and table bound into arrays with names."""
