"""Which core holds which neurons: a program cut into slices under every limit of a chip's file, and put on its mesh.

    program --cut--> slices --pack--> cores --position--> Placement

`encodings` says what synapses take in a core, `slices` what a part of a population takes, `cutting` makes parts that
fit, `packing` fills cores with them, `mesh` and `positions` say where the cores lie, `place` is all of it.
"""
