"""Networks for spoken words: two spiking ones of different size, in Norse, and the ReLU twin of each."""
