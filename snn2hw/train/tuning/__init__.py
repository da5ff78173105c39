"""Fine-tuning a compiled program: the forward pass is the integer machine, the backward pass a surrogate."""
