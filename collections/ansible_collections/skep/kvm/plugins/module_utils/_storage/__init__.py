# SPDX-License-Identifier: Apache-2.0
"""What lies on a Cell's disks for its domains: images, volumes and seeds."""
