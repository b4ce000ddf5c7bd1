"""Moments of several tables made those of all their rows."""
