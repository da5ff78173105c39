"""More than one machine, through Dask: what is sent is data, and what runs is this package as every worker has it.

connected(address) -> Cluster     Cluster.ordered(messages) -> answers in the same order
work.perform(message)             what a worker does: bytes in, bytes out
"""
