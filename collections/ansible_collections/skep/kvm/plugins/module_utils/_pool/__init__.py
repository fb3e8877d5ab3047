# SPDX-License-Identifier: Apache-2.0
"""Where volumes lie: directories, NFS exports, volume groups and thin pools."""
