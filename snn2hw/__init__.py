"""snn2hw: from a trained spiking network to a bit-exact program for a neuromorphic chip, and what it costs."""
