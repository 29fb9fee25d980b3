"""sweep.py [RELEASE]: every property of vfio-pci with valid, wrong, empty and extreme values, by every way in, one trial a line, for
make_believe.py."""
import json, sys
from random_trials import BOOLEAN, NUMERIC, PROPERTIES, keyval, typed

MORE = {
    "addr": ["3", "0", "20", "x", "", "1.8", "-1"], "host": ["01:00.0", "0000:ff:1f.7", "zz", ""], "iommufd": ["i0", "nope", ""],
    "romfile": ["", "/nope"], "hotpluggable": ["on"], "parent_bus": ["x"], "type": ["x"], "use-legacy-x86-rom": ["on", "x"],
    "x-enable-migration": ["on", "x"], "x-pcie-extcap-init": ["off", "x"], "x-ramfb-migrate": ["on", "x"], "x-igd-legacy-mode": ["off", "auto", "x"], "x-igd-lpc": ["off", "x"],
    "x-device-dirty-page-tracking": ["on", "off", "x"], "x-migration-load-config-after-iter": ["auto", "x"],
    "x-migration-multifd-transfer": ["auto", "x"], "x-no-geforce-quirks": ["on", "x"], "x-no-kvm-ioeventfd": ["on", "x"],
    "x-no-kvm-msi": ["on", "x"], "x-no-kvm-msix": ["on", "x"], "x-no-vfio-ioeventfd": ["on", "x"],
    "x-pcie-ari-nextfn-1": ["on", "x"], "x-pcie-err-unc-mask": ["on", "x"], "x-pcie-lnksta-dllla": ["on", "x"],
}
START = ["-M", "q35", "-nodefaults"] + ([] if "7.2" in sys.argv[1:] else ["-object", "iommufd,id=i0"])
PORT = ["-device", "pcie-root-port,id=rp0,chassis=1"]
JSON_VALUES = [True, 0, -1, 65536, 4294967296, 1.5, None, [], {}]


def trials():
    for name, given in sorted((PROPERTIES | MORE).items()):
        for value in dict.fromkeys(given + ["x", "", "-1", "99999999999999999999"]):
            device = {"driver": "vfio-pci", "host": "01:00.0", "id": "v", "bus": "rp0"} | {name: value}
            yield {"argv": START + PORT + ["-device", keyval(device)]}
            yield {"argv": START + PORT + ["-device", json.dumps(typed(device))]}
            yield {"argv": START + PORT, "plugs": [typed(device)]}
            yield {"argv": START + PORT, "plugs": ["device_add " + keyval(device)]}
            plain = {n: v for n, v in device.items() if n != name or n == "host"}
            if "," not in value:
                yield {"argv": START + PORT + ["-global", f"vfio-pci.{name}={value}", "-device", keyval(plain)]}
        for value in JSON_VALUES:
            device = {"driver": "vfio-pci", "host": "01:00.0", "id": "v", "bus": "rp0"} | {name: value}
            yield {"argv": START + PORT, "plugs": [device]}


for trial in trials():
    print(json.dumps(trial))
