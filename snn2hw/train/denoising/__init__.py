"""Training of networks that estimate masks, and what they become."""
