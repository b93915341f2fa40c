#!/usr/bin/python3
"""Upstream's master (ganeti.masterd.iallocator of Debian's package, unmodified) makes requests, our hail answers, and that
master judges the replies; the jobs in them are loaded as its logical units do. TAP.

accepted.py HAIL"""

import json
import subprocess
import sys
import tempfile

from tap import check, done

from ganeti import constants, errors, objects, opcodes
from ganeti.masterd import iallocator

HAIL = sys.argv[1]


class Answer(object):
  """Of a remote call."""
  def __init__(self, payload):
    self.payload = payload

  def Raise(self, _):
    pass


class Config(object):
  """Three groups of four nodes, each with instances of three disk templates."""
  def __init__(self):
    self.cluster = objects.Cluster(
      cluster_name="cluster.example.com", tags=set(), enabled_hypervisors=["kvm"], beparams={"default": dict(constants.BEC_DEFAULTS)},
      hvparams={"kvm": dict(constants.HVC_DEFAULTS["kvm"])}, ipolicy=objects.FillIPolicy(constants.IPOLICY_DEFAULTS, {}),
      ndparams=dict(constants.NDC_DEFAULTS), nicparams={"default": dict(constants.NICC_DEFAULTS)}, diskparams={},
      enabled_disk_templates=["drbd", "plain", "ext"])
    self.groups, self.nodes, self.instances, self.disks = {}, {}, {}, {}
    self.params = {}
    for g in range(3):
      self.groups["g%d" % g] = objects.NodeGroup(name="group%d" % g, uuid="g%d" % g, alloc_policy="preferred", networks={}, ipolicy={},
                                                 ndparams={}, tags=set(), members=[])
      for n in range(4):
        uuid = "n%d%d" % (g, n)
        self.nodes[uuid] = objects.Node(name=uuid + ".example.com", uuid=uuid, group="g%d" % g, tags=set(), primary_ip="192.0.2.1",
                                        secondary_ip="192.0.2.1", offline=False, drained=False, master_candidate=True,
                                        master_capable=True, vm_capable=True, ndparams={})
      for template, at in (("drbd", [0, 1]), ("drbd", [1, 2]), ("ext", [0]), ("ext", [1]), ("plain", [2])):
        uuid = "i%d-%s%d" % (g, template, at[0])
        nodes = ["n%d%d" % (g, n) for n in at]
        self.instances[uuid] = objects.Instance(name=uuid + ".example.com", uuid=uuid, primary_node=nodes[0], os="tiny",
                                                hypervisor="kvm", hvparams={}, beparams={}, osparams={}, tags=set(), nics=[],
                                                admin_state="up", disks_active=True, disk_template=template, forthcoming=False,
                                                disks=[])
        self.disks[uuid] = ([objects.Disk(dev_type=template, size=1024, mode="rw", params={})], nodes[1:])

  def GetDetachedConfig(self):
    return self

  def GetClusterInfo(self):
    return self.cluster

  def GetAllNodeGroupsInfo(self):
    return self.groups

  def GetAllNodesInfo(self):
    return self.nodes

  def GetAllInstancesInfo(self):
    return self.instances

  def GetInstanceInfo(self, uuid):
    return self.instances[uuid]

  def GetInstanceDisks(self, uuid):
    return self.disks[uuid][0]

  def GetInstanceDiskTemplate(self, uuid):
    return self.disks[uuid][0][0].dev_type

  def GetInstanceSecondaryNodes(self, uuid):
    return self.disks[uuid][1]

  def GetNodeName(self, uuid):
    return self.nodes[uuid].name

  def GetNodeNames(self, uuids):
    return [self.nodes[u].name for u in uuids]

  def GetNodeInfo(self, uuid):
    return self.nodes[uuid]

  def GetNdParams(self, node):
    return self.cluster.FillND(node, self.groups[node.group])

  def GetVGName(self):
    return "vg"

  def GetMasterNode(self):
    return "n00"

  def GetDefaultIAllocatorParameters(self):
    return dict(self.params)


class Rpc(object):
  """Nodes of 32 GiB, all alike; instances run."""
  def __init__(self, cfg):
    self.cfg = cfg

  def call_node_info(self, nodes, _units, _hvspecs):
    space = [{"type": t, "name": "vg", "storage_size": 1000000, "storage_free": 900000} for t in ("lvm-vg", "lvm-pv")]
    memory = {"memory_total": 32768, "memory_free": 30000, "memory_dom0": 1024, "cpu_total": 16, "cpu_dom0": 1}
    return {n: Answer((None, space, (memory, ))) for n in nodes}

  def call_all_instances_info(self, nodes, _hypervisors, _hvparams):
    return {n: Answer({i.name: {"memory": 128} for i in self.cfg.instances.values() if i.primary_node == n}) for n in nodes}


def ask(cfg, request, spoil=None):
  """The allocator object, after our reply was accepted, or its exception."""
  def runner(_node, _name, text, params):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
      f.write(text if isinstance(text, str) else text.decode())
      f.flush()
      args = ["--%s" % k if v is None else "--%s=%s" % (k, v) for (k, v) in params.items()]
      reply = subprocess.run([HAIL] + args + [f.name], capture_output=True, text=True, timeout=60).stdout
    if spoil is not None:
      reply = json.loads(reply)
      spoil(reply)
      reply = json.dumps(reply)
    return Answer(reply)

  ia = iallocator.IAllocator(cfg, Rpc(cfg), request)
  try:
    ia.Run("hail", call_fn=runner)
  except (errors.ResultValidationError, errors.OpExecError) as e:
    return ia, e
  return ia, None


def accepted(cfg, text, request, jobs=False):
  ia, error = ask(cfg, request)
  check(error is None, text + ": accepted", error)
  check(ia.success, text + ": successful", ia.info)
  if not jobs or error is not None or not ia.success:
    return ia.result
  moved, bad, sets = ia.result
  check(moved and not bad and len(sets) == len(moved), text + ": all move", ia.result)
  try: # as cmdlib.common.LoadNodeEvacResult
    for op in [opcodes.OpCode.LoadOpCode(state) for ops in sets for state in ops]:
      op.Validate(True)
    check(True, text + ": the opcodes are good")
  except Exception as e: # pylint: disable=W0703
    check(False, text + ": the opcodes are good", e)
  return ia.result


def new(name, template, **kwargs):
  values = dict(name=name, memory=512, spindle_use=1, disks=[{"size": 1024, "mode": "rw"}], disk_template=template, group_name=None,
                os="tiny", tags=[], nics=[], vcpus=1, hypervisor="kvm", node_whitelist=None)
  return iallocator.IAReqInstanceAlloc(**dict(values, **kwargs))


def names(cfg, group, *kinds):
  return [i.name for (uuid, i) in cfg.instances.items() if uuid.startswith("i%d-" % group) and uuid.split("-")[1] in kinds]


def spoiled(cfg, text, request, spoil):
  _, error = ask(cfg, request, spoil)
  check(error is not None, text + ": refused")


cfg = Config()
for template in ("drbd", "plain", "ext"):
  # there is no local space reported then, for which DRBD would have to be moved if a node failed
  cfg.params = {"no-capacity-checks": None} if template == "ext" else {}
  accepted(cfg, "allocate, " + template, new("new", template))
cfg.params = {}
accepted(cfg, "allocate in a group", new("new", "drbd", group_name="group1"))
accepted(cfg, "allocate on some nodes", new("new", "plain", node_whitelist=["n21.example.com"]))
result = accepted(cfg, "multi-allocate", iallocator.IAReqMultiInstanceAlloc(instances=[new("a", "drbd"), new("b", "ext"), new("c", "plain")]))
check(len(result[0]) == 3, "multi-allocate: each has a place", result)
accepted(cfg, "relocate, drbd", iallocator.IAReqRelocate(inst_uuid="i1-drbd0", relocate_from_node_uuids=["n11"]))
accepted(cfg, "relocate, ext", iallocator.IAReqRelocate(inst_uuid="i1-ext0", relocate_from_node_uuids=["n10"]))
for (mode, kinds) in ((constants.NODE_EVAC_PRI, ("drbd0", "ext0")), (constants.NODE_EVAC_SEC, ("drbd0", )),
                      (constants.NODE_EVAC_ALL, ("drbd0", "ext0"))):
  for soft in (None, True):
    accepted(cfg, "node-evacuate, %s%s" % (mode, ", without soft errors" if soft else ""),
             iallocator.IAReqNodeEvac(instances=names(cfg, 0, *kinds), evac_mode=mode, ignore_soft_errors=soft), jobs=True)
for groups in ([], ["g2"]):
  accepted(cfg, "change-group to %s" % (groups or "any"),
           iallocator.IAReqGroupChange(instances=names(cfg, 0, "drbd0", "drbd1", "ext0"), target_groups=groups), jobs=True)
accepted(cfg, "allocate-secondary", iallocator.IAReqInstanceAllocateSecondary(name="i0-plain2.example.com"))

# What fails is accepted as a reply, too
for (text, request) in (("allocate", new("new", "drbd", memory=1 << 20)),
                        ("relocate", iallocator.IAReqRelocate(inst_uuid="i1-drbd0", relocate_from_node_uuids=["n12"]))):
  ia, error = ask(cfg, request)
  check(error is None and ia.success is False and ia.info.startswith("Request failed: "), text + " without success: accepted", error or ia.info)
ia, error = ask(cfg, iallocator.IAReqNodeEvac(instances=names(cfg, 0, "plain2"), evac_mode=constants.NODE_EVAC_ALL, ignore_soft_errors=None))
check(error is None and ia.success and ia.result[1], "an instance that cannot leave: accepted", error or ia.result)

# The judge can say no
spoiled(cfg, "one node too few", new("new", "drbd"), lambda r: r["result"].pop())
spoiled(cfg, "another group", iallocator.IAReqRelocate(inst_uuid="i1-drbd0", relocate_from_node_uuids=["n11"]),
        lambda r: r.update(result=["n22.example.com"]))
spoiled(cfg, "no jobs", iallocator.IAReqGroupChange(instances=names(cfg, 0, "ext0"), target_groups=[]), lambda r: r["result"].pop())
spoiled(cfg, "no result", new("new", "ext"), lambda r: r.pop("result"))
done()
