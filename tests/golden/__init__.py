"""What was compiled, lowered, refused, written and exported once, and must come out the same ever after."""
