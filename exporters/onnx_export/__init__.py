"""The integer step as an ONNX graph."""
