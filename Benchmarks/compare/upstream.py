"""The server that misses are forwarded to: NSD with one wildcard zone, on the load's core, its CPU not counted."""

from .arena import LOAD_CORE, PORT, UPSTREAM_ADDRESS, Arena
from .processes import Server

# TTL 30 is what Kubernetes' DNS gives; no run lasts that long, so nothing expires while it is measured. Filling a
# cache with a million answers takes longer: what lies below `long` lives for an hour.
ZONE = """\
$ORIGIN cluster.local.
$TTL 30
@              SOA  ns.dns hostmaster 1 7200 1800 86400 5
@              NS   ns.dns
ns.dns         A    192.0.2.53
*.default.svc  A    192.0.2.1
*.long.svc     3600 A 192.0.2.1
"""


def configuration(arena: Arena) -> str:
    # minimal-responses: as cluster DNS answers, without authority and additional sections.
    return f"""\
server:
  ip-address: {UPSTREAM_ADDRESS}@{PORT}
  username: ""
  chroot: ""
  zonesdir: "{arena.directory}"
  database: ""
  pidfile: "{arena.directory}/nsd.pid"
  xfrdfile: ""
  xfrdir: "{arena.directory}"
  zonelistfile: "{arena.directory}/nsd.zones"
  server-count: 1
  tcp-count: 2000
  tcp-query-count: 0
  tcp-timeout: 120
  rrl-ratelimit: 0
  minimal-responses: yes
remote-control:
  control-enable: no
zone:
  name: "cluster.local"
  zonefile: "cluster.local.zone"
"""


def start(arena: Arena) -> Server:
    arena.write("cluster.local.zone", ZONE)
    path = arena.write("nsd.conf", configuration(arena))
    return Server("nsd", ["nsd", "-d", "-c", str(path)], (LOAD_CORE,), arena.log("nsd"))
