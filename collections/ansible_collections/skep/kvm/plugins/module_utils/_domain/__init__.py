# SPDX-License-Identifier: Apache-2.0
"""A domain: what is wanted, how it is written as XML, how it differs, and what to do about it."""
