"""Estimates and draws of crossed factors that no exact elimination can hold, with their Monte Carlo error."""
