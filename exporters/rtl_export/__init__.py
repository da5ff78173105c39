"""A Program for an FPGA core of our own: the core and its bench by hand, and the memory images that make it this program."""
