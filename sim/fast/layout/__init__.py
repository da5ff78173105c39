"""What follows from a program alone: where everything lies, and the tables that the kernels read."""
