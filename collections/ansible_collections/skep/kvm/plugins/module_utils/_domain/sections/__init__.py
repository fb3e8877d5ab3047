# SPDX-License-Identifier: Apache-2.0
"""One file for each part of a definition that is no device: how it is written and read."""
