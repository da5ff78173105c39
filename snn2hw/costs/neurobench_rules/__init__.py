"""NeuroBench's workload and static metrics, counted by its published rules without needing the package.

The rules (NeuroBench 2.x), for Linear, Conv1d/2d/3d and the recurrent cells, found among the children of a network:

    Effective = sum over calls of  (W != 0) . (x != 0)      biases are no operations; padding meets nothing
    Dense     = the same with every x and W taken as non-zero
    a call's operations are ACs if its whole input lies in {-1, 0, 1}, else MACs
    all are divided by the number of samples, not of steps

Sums are exact integers here. NeuroBench adds in float32: its totals are rounded where one call exceeds 2^24 operations.
"""
