"""The Cell daemon: announces a hypervisor host and reports its live state. Changes nothing."""
