"""The Core: cluster state, scheduler, image store; the only module that runs Ansible."""
