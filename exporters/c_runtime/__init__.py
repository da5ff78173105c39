"""The hand-written C11 runtime, shipped as it is with every C export."""
