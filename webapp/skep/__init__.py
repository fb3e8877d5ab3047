"""Skep turns a rack of Linux hosts into one KVM cluster; every change is an Ansible run."""

__version__ = "0.1.0"
