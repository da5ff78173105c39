"""Speech out of noise: the mask that a program estimates frame by frame, and what it is worth. No torch."""
