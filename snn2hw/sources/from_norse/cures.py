"""What to write instead: one sentence per operation that a spiking network on a chip cannot have."""

__all__ = ["cure", "cure_of_module"]

NEURON = "use one of LIFCell, LIFBoxCell, LIFRecurrentCell, IAFCell, LICell, LILinearCell, LIBoxCell"

CURES = {
    "relu": "remove it, a neuron is the nonlinearity; to turn a network of ReLUs into spikes use `snn2hw convert`",
    **dict.fromkeys(
        ("gelu", "silu", "tanh", "elu", "leaky_relu", "softplus", "hardswish", "mish", "prelu", "selu"),
        "remove it, a neuron is the nonlinearity",
    ),
    "sigmoid": "remove it, or put it behind the reduction over time, where it runs on the host",
    "softmax": "put it behind the reduction over time, where it runs on the host",
    "log_softmax": "put it behind the reduction over time, where it runs on the host",
    "conv3d": "use Conv2d in every step, wrapped in norse.torch.Lift",
    "lstm": "use LIFRecurrentCell",
    "gru": "use LIFRecurrentCell",
    "rnn_tanh": "use LIFRecurrentCell",
    "rnn_relu": "use LIFRecurrentCell",
    "layer_norm": "use BatchNorm, whose statistics are constants in evaluation",
    "group_norm": "use BatchNorm, whose statistics are constants in evaluation",
    "instance_norm": "use BatchNorm, whose statistics are constants in evaluation",
    "pad": "use padding= of the convolution that follows; zeros are the only padding",
    "adaptive_max_pool2d": "use MaxPool2d with a kernel",
    "interpolate": "use nearest or bilinear upsampling, or a Linear layer with the weights written out",
    "multi_head_attention_forward": "no product of two signals exists on the chip; use LIFRecurrentCell",
    "scaled_dot_product_attention": "no product of two signals exists on the chip; use LIFRecurrentCell",
    "embedding": "look the rows up on the host and feed them as input",
    "gt": f"{NEURON}: a threshold is part of a neuron",
    "mul": "no product of two signals exists on the chip; add them, or multiply by a constant",
    "mean": "use average pooling",
    "bernoulli": "draw the spikes on the host and feed them as input",
    "rand_like": "draw the spikes on the host and feed them as input",
}


def cure(name: str) -> str:
    """Return what to write instead of operation ``name``."""
    return CURES.get(name, "use Linear, Conv1d, Conv2d, BatchNorm, pooling, Flatten, additions and Norse neurons only")


MODULES = {
    "Encoder": "encode on the host: read the network behind the encoder, and feed it the spikes",
    "Decoder": "decode on the host: read the network in front of the decoder",
    "Regularization": "remove it after training",
    "LConv2d": "use norse.torch.Lift(nn.Conv2d(...))",
    "ReceptiveField": "use nn.Conv2d with the same kernels",
}


def cure_of_module(name: str) -> str:
    """Return what to write instead of a Norse module of class ``name``."""
    return next((fix for part, fix in MODULES.items() if part in name), NEURON)
