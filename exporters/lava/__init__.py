"""lava-nc as an executor and as a destination: how a Program is said in it, and the environment and processes it runs in.

    install      makes the environment of its own that lava-nc needs
    plan         a Program as Lava processes, with what they cannot say
    session      the worker subprocess: time limit, group kill, shared memory removed
    worker       the loop inside that subprocess
    standalone/  the code that meets Lava; it runs with nothing but lava-nc and numpy, and is copied into every export
"""
