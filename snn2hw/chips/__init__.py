"""Chips as data: one TOML file each."""
