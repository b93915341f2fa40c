"""What the test of configurations needs in Python.

same A B             compares two config.data, but for the UUIDs that an upgrade makes up
age A VERSION        A as VERSION (20600 = 2.6) would have it, as far as the sample can show
to30 A               A as 3.0 has it
load A               upstream's own objects load A, verify it and write it back
"""

import json
import sys


def read(name):
    with open(name, encoding="utf-8") as f:
        return json.load(f)


def settled(x):
    """Without the order of Python's sets: tags, and the nodes of a mirrored disk."""
    if isinstance(x, dict):
        return {
            k: sorted(v) if k in ("tags", "nodes") and isinstance(v, list) else settled(v) for k, v in x.items()
        }
    return [settled(v) for v in x] if isinstance(x, list) else x


def same(a, b):
    """Names for what is made up: the position of the owner."""

    def named(cfg):
        text = json.dumps(cfg, sort_keys=True)
        for group in cfg["nodegroups"].values():
            text = text.replace(group["uuid"], "group-" + group["name"])
        for inst in cfg["instances"].values():
            for i, nic in enumerate(inst["nics"]):
                text = text.replace(nic["uuid"], "nic-%s-%d" % (inst["name"], i))
            for i, disk in enumerate(inst["disks"]):
                for j, child in enumerate(cfg["disks"][disk].get("children", [])):
                    text = text.replace(child["uuid"], "child-%s-%d-%d" % (inst["name"], i, j))
                text = text.replace(disk, "disk-%s-%d" % (inst["name"], i))
        return settled(json.loads(text))

    def walk(x, y, path):
        if isinstance(x, dict) and isinstance(y, dict):
            for key in sorted(set(x) | set(y)):
                if key == "osparams_private":  # cfgupgrade hides the values, and so writes null
                    continue
                if key not in x or key not in y:
                    yield "%s/%s: %s" % (path, key, "only in the second" if key in y else "only in the first")
                else:
                    yield from walk(x[key], y[key], path + "/" + key)
        elif isinstance(x, list) and isinstance(y, list) and len(x) == len(y):
            for i, (p, q) in enumerate(zip(x, y)):
                yield from walk(p, q, "%s/%d" % (path, i))
        elif x != y:
            yield "%s: %r, %r" % (path, x, y)

    found = list(walk(named(read(a)), named(read(b)), ""))
    print("\n".join(found))
    return 1 if found else 0


def age(name, version):
    cfg = read(name)
    number = int(version)
    cfg["version"] = number * 100
    cluster = cfg["cluster"]
    if number < 20500:  # policies came with 2.6, their ranges with 2.9
        del cluster["ipolicy"]
        for group in cfg["nodegroups"].values():
            del group["ipolicy"]
    if number < 20700:  # networks
        del cfg["networks"]
        for inst in cfg["instances"].values():
            for nic in inst["nics"]:
                nic.pop("network", None)
    if number >= 20900:  # policies with ranges
        for obj in [cluster] + list(cfg["nodegroups"].values()):
            pol = obj["ipolicy"]
            pol["minmax"] = [{"min": pol.pop("min"), "max": pol.pop("max")}]
    if number >= 21000:
        for inst in cfg["instances"].values():
            inst["admin_state"] = "up" if inst.pop("admin_up") else "down"
    print(json.dumps(cfg))
    return 0


def to30(name):
    cfg = read(name)
    cfg["version"] = 3000000
    for hv in "xen-pvm", "xen-hvm":
        if hv in cfg["cluster"]["hvparams"]:
            cfg["cluster"]["hvparams"][hv]["xen_cmd"] = "xl"
    print(json.dumps(cfg))
    return 0


def load(name):
    from ganeti import objects

    text = read(name)
    cfg = objects.ConfigData.FromDict(json.loads(json.dumps(text)))
    cfg.UpgradeConfig()
    back = json.loads(json.dumps(cfg.ToDict(_with_private=True)))

    def walk(x, y, path):
        if isinstance(x, dict) and isinstance(y, dict):
            # upstream adds what it has defaults for
            for key in sorted(x):
                if key not in y and x[key] == []:  # members of a group are not stored
                    continue
                if key not in y:
                    yield "%s/%s is lost" % (path, key)
                else:
                    yield from walk(x[key], y[key], path + "/" + key)
        elif x != y:
            yield "%s: %r became %r" % (path, x, y)

    found = list(walk(settled(text), settled(back), ""))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit({"same": same, "age": age, "to30": to30, "load": load}[sys.argv[1]](*sys.argv[2:]))
