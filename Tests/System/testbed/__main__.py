"""Makes the test bed and keeps it until Enter is pressed: `python -m testbed`, in Tests/System, as root."""

import sys

from .bed import Bed

with Bed() as bed:
    if len(sys.argv) > 1:
        bed.use_kube_proxy(sys.argv[1])
    print(f"node     ip netns exec {bed.node.name} …")
    print(f"pod 1    ip netns exec {bed.pods[0].name} …")
    print(f"pod 2    ip netns exec {bed.pods[1].name} …")
    print(f"files    {bed.directory}")
    print("Enter removes all of it.", flush=True)
    sys.stdin.readline()
