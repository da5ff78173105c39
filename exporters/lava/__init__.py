"""lava-nc as an executor and as a destination.

How a Program is said in it, and the environment and the processes in which it runs:

install      makes the environment of its own that lava-nc needs
plan         a Program as Lava processes, with what they cannot say
session      the worker subprocess: time limit, group kill, shared memory removed
runner       one function in front of all of that
worker/      the loop inside the subprocess, and Lava's classes stepped without its runtime
standalone/  the code that meets Lava; it needs nothing but lava-nc and numpy, and is copied into every export
"""

from exporters.lava.runner import execute, execute_classes, run

__all__ = ["execute", "execute_classes", "run"]
