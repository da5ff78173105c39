"""What a Program costs: counted on the integer run, priced by several tables, beside the ANN under the same rules.

    Program + raster --sim.run--> Counts --spiking_workload--> Workload --price(table)--> Cost, for every table
    CNN.onnx --macs, effective_macs--> ann_workload --price(table)--> Cost
    all of it --energy--> EnergyReport

Nothing here is measured: every figure is a proxy, and is given as a band over tables and assumptions.
"""
