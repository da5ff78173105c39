"""How steep a spike is taken to be in every backward pass, of real numbers and of the integer machine alike.

    dz / dv = 1 / (1 + SHARPNESS |d|)^2        d: the distance of v from the threshold   (Zenke & Ganguli 2018)

The two scans through time stay two. `norse_scan` repeats Norse, operation by operation in float32, so that its spikes
are Norse's bit for bit; a layer shares its constants, which may learn too. `tuning.machine_scan` is the machine:
whole numbers in float64, decays that round toward zero, a v that clips, reset by subtraction, and a threshold and a
bias per neuron that learn too. No line of one is a line of the other.
"""

__all__ = ["SHARPNESS"]

SHARPNESS = 2.0
