# SPDX-License-Identifier: Apache-2.0
"""Snapshots of domains: kept inside the volumes, known to libvirt."""
