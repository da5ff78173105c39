"""Files that come from outside and go back: rasters and tensors, checked at the border."""
