"""The FPGA core against the machine."""
