"""Vector instructions: values of several lanes, masks of them, pointers, and how loops are compiled."""
