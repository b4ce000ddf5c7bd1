"""From a source to moments: shifts and scales from facts, levels in order, what sums forbid."""
