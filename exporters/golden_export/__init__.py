"""Golden vectors as the memories of an RTL test bench."""
