"""Firmware: a program as event-driven C for microcontrollers, cross-compiled and run in QEMU."""
