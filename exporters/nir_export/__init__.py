"""A Program as a typed NIR graph: what each part becomes, and how it is stored and read back."""
