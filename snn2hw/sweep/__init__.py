"""Studies: the same commands under many settings, each done once, whatever interrupts them; tables and pictures.

read_study --> Study --batches--> settings --call--> a team of processes, or a cluster --> one file each --> table
"""
