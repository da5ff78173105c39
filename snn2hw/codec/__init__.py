"""Numbers to spikes and back: encoders and decoders, bit-reproducible, without torch."""
