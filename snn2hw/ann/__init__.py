"""The other side of the comparison: a conventional network as an ONNX file, run, quantised and counted.

The path of data:

    torch model --export_onnx--> CNN.onnx --quantize_int8--> CNN.int8.onnx
    any .onnx --load--> AnnGraph --macs--> MacCensus (from shapes)
    any .onnx + samples --effective_macs--> EffectiveMacs (from activations)
"""
