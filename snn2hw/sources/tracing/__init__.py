"""From a network's own forward pass to a graph: what was computed, in which step, from what.

The way of a module: `record` runs its forward a few steps and writes every operation down (`operations` knows the torch
functions, `cells` the Norse neurons), `step` folds the steps into one, `emit` writes that one step as NIR nodes.
"""
