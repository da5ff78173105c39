"""What a `.net` file holds: the layers, and which weight matrices its readers leave as they are."""
