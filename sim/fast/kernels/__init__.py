"""The compiled loops: what arrives, what neurons make of it, and what is counted."""
