"""What a network computes in one step, as frozen expressions: values made by operations from inputs and neurons.

The readers of Norse modules and of trained ReLU networks make them; `emit` writes them as NIR nodes. Needs no torch.
"""
