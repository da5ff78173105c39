"""The float machine: a Source lowered to layers and links, and what it means in float64."""
