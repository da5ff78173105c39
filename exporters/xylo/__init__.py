"""Xylo: a program as the arguments of Rockpool's ``config_from_specification``, and xylosim beside the project."""
