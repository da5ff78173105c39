"""Training: through time with surrogate gradients, in checkpoints that survive a kill, logged as it goes."""
