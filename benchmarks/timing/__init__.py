"""Measuring speed: networks and inputs, our engines, other simulators, and the machine that all of them run on."""
