"""Random programs through every executor, damaged files through every reader: what differs or fails, minimised.

draw       random programs and rasters
readers    one good file for every reader, and the reader itself
mutate     bytes damaged blindly; structures (`grammar`) damaged so that the damage gets past the first check
child      the process in which a reader or the executors meet a case: it may hang, crash or ask for too much memory
minimise   the smallest case that still fails the same way
campaign   all of it, against a clock
"""
