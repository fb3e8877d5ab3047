"""Real Cells on one machine: a private network with hosts that SSH, libvirt and Ansible can use.

A lab is a network namespace with a bridge and some Cells on it. Light Cells are namespaces on this
kernel, up in a second; full Cells are virtual machines with a kernel and KVM of their own.

    with Lab.up(cells=2) as lab:
        lab.cells["cell1"].ssh(["hostname"])
        lab.run(["ansible-playbook", "-i", str(lab.inventory()), "playbooks/site.yml"])
"""

from tests.lab.cell import Cell
from tests.lab.ground.errors import LabError
from tests.lab.lab import Lab

__all__ = ["Cell", "Lab", "LabError"]
