# SPDX-License-Identifier: Apache-2.0
"""Everything that touches the Cell: libvirt, qemu-img, the network, files and locks."""
