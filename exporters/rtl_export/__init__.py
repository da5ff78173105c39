"""A Program for an FPGA core of our own: core and bench by hand, memory images that make it this program."""
