"""Trained networks of ReLUs, read from ONNX or torch and turned into spiking ones."""

from snn2hw.conversion.convert import Conversion, ReluNetwork, Spiking, convert, in_steps, read_ann

__all__ = ["Conversion", "ReluNetwork", "Spiking", "convert", "in_steps", "read_ann"]
