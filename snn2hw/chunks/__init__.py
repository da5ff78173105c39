"""Many samples, a bounded number at a time: where they come from, how a run of chunks is put together, what it leaves.

SampleSet.of / read_samples_of --chunks of samples--> run_chunk, here or elsewhere --in order--> RunTotals, a trace file
"""
