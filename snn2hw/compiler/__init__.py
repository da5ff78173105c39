"""From a float network to registers: network -> calibrate -> quantize -> certify; `compile` is all of them."""
