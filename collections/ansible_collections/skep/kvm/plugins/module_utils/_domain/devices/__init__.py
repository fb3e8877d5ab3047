# SPDX-License-Identifier: Apache-2.0
"""One file for each device element of libvirt: what it is, how it is checked, written and read.

A list of devices (`disk.py`, `cdrom.py`, `interface.py`) has `parse render read key OWNED`; a
device of which there is one has `write` and `read` on the <devices> element.
"""
