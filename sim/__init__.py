"""The integer machine: programs, their arithmetic, their engines, their counts."""

__distribution__ = "snn2hw"
