"""The conventional network on the same microcontrollers: an 8-bit chain of layers as C, counted alike."""
