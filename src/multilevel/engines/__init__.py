"""One folder per estimator; each takes moments and gives a `Solution`."""
