"""How to write a Program down for someone else."""

__distribution__ = "snn2hw"
