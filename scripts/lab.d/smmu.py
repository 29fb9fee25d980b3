"""Single trials on the machine `virt`: guest IOMMUs, which device they serve, and arm-smmuv3 with accel=on."""
import itertools
from requested import EMULATED
from singles import other
from trials import BOTH, CONV, EXPRESS, MISSING, NIC, PAIR0, PAIR1, VF, trial

PXB = ("-device", "pxb-pcie,id=pxb,bus_nr=32,bus=pcie.0")
BELOW_PXB = {"extra": {"bus": "rpx"}, "hot": False}
RPX = ("-device", "pcie-root-port,id=rpx,bus=pxb,chassis=9")


def smmu(options="", bus="pcie.0", name="smmu0"):
    return ("-device", f"arm-smmuv3,primary-bus={bus},id={name}{options}")


def plain():
    """Without accel the SMMU refuses each device that it serves."""
    for b in BOTH:
        for stage, a in itertools.product(("", ",stage=1", ",stage=2", ",stage=nested"), (None, "on")):
            yield trial(f"arm-smmuv3{stage}, ats {a}, {b}", NIC, b, a, args=smmu(stage))
        for dev in (EXPRESS, VF, CONV):
            yield trial(f"arm-smmuv3, {dev}, {b}", dev, b, args=smmu())
        for machine in ("virt,iommu=smmuv3", "virt-9.0,iommu=smmuv3", "virt,iommu=smmuv3,default-bus-bypass-iommu=on", "virt,iommu=none",
                        "virt-10.0", "virt,gic-version=3,its=off", "virt,iommu=intel"):
            yield trial(f"-machine {machine}, {b}", NIC, b, machine=machine)
        yield trial(f"arm-smmuv3, on the root bus, {b}", NIC, b, bus="root-bus", args=smmu())
        yield trial(f"arm-smmuv3, on the bridge, {b}", NIC, b, bus="conventional-bridge", extra={"addr": "1.0"}, args=smmu())
        yield trial(f"arm-smmuv3 twice, {b}", NIC, b, args=smmu() + smmu(name="smmu1"))
        yield trial(f"arm-smmuv3 and -machine iommu=smmuv3, {b}", NIC, b, args=smmu(), machine="virt,iommu=smmuv3")
        yield trial(f"arm-smmuv3 without primary-bus, {b}", NIC, b, args=("-device", "arm-smmuv3"))
        yield trial(f"arm-smmuv3 and host missing, {b}", MISSING, b, args=smmu())
        yield trial(f"arm-smmuv3 and no driver, {b}", NIC, b, args=smmu(), setup=(f"bind {NIC} none",))
        yield trial(f"arm-smmuv3 behind the device, both JSON, {b}", NIC, b, hot=False,
                    after=("-device", '{"driver": "arm-smmuv3", "primary-bus": "pcie.0", "id": "smmu0"}'))
        yield trial(f"arm-smmuv3 on pxb, device on pcie.0, {b}", NIC, b, args=PXB + smmu(bus="pxb"))
        yield trial(f"arm-smmuv3 on pcie.0, device on pxb, {b}", NIC, b, args=PXB + RPX + smmu(), **BELOW_PXB)
        yield trial(f"arm-smmuv3 on pxb, device on pxb, {b}", NIC, b, args=PXB + RPX + smmu(bus="pxb"), **BELOW_PXB)
        for bypass in ("", ",bypass_iommu=on"):
            yield trial(f"-machine iommu=smmuv3, device on pxb{bypass}, {b}", NIC, b, machine="virt,iommu=smmuv3",
                        args=(PXB[0], PXB[1] + bypass) + RPX, **BELOW_PXB)
        for a, granule in itertools.product((None, "on"), ("", ",granule=4k")):
            yield trial(f"virtio-iommu-pci{granule}, ats {a}, {b}", NIC, b, a, args=("-device", f"virtio-iommu-pci,addr=3.0{granule}"))
        for v in ("intel-iommu", "amd-iommu"):
            yield trial(f"{v}, {b}", NIC, b, args=("-device", v))
        yield trial(f"no addr on the bridge, {b}", NIC, b, bus="conventional-bridge")
        yield trial(f"no addr on the bridge and ats=on, {b}", NIC, b, "on", bus="conventional-bridge")
    for first, b in (BOTH, BOTH[::-1]):
        yield trial(f"mixed backends behind virtio-iommu-pci, {first} first", NIC, b, args=("-device", "virtio-iommu-pci,addr=3.0"),
                    before=(other(EXPRESS, first),))


FIXED = ",accel=on,ril=on,ssidsize=0,oas=44,cmdqv=off"


def accelerated():
    """With accel=on the guest's SMMU is the host's, and is compared with it."""
    for b, dev, a in itertools.product(BOTH, (NIC, EXPRESS), (None, "on", "off")):
        yield trial(f"no SMMUv3, {dev}, ats {a}, {b}", dev, b, a)
    for ats, a in itertools.product(("", ",ats=on", ",ats=off", ",ats=auto"), (None, "on", "off", "auto")):
        yield trial(f"accel=on{ats}, ats {a}", NIC, "iommufd", a, args=smmu(",accel=on" + ats), hot=False)
    for ats, dev in itertools.product(("", ",ats=on", ",ats=off"), (EXPRESS, VF, CONV)):
        yield trial(f"accel=on{ats}, {dev}", dev, "iommufd", args=smmu(",accel=on" + ats), hot=False)
    for ats, a in itertools.product((",ats=on", ",ats=off", ",ats=auto"), (None, "on", "off")):
        yield trial(f"all fixed{ats}, ats {a}", NIC, "iommufd", a, args=smmu(FIXED + ats))
        yield trial(f"accel=on{ats} behind another device, ats {a}", NIC, "iommufd", a, before=(other(EXPRESS, "iommufd"),),
                    args=smmu(",accel=on" + ats))
    for options in (",oas=44", ",oas=48", ",oas=52", ",oas=auto", ",ssidsize=0", ",ssidsize=20", ",ssidsize=auto", ",ril=on", ",ril=off",
                    ",ril=auto", ",cmdqv=off", ",cmdqv=on", ",cmdqv=auto", ",ssidsize=20,oas=48", ",ats=on,oas=48", ",cmdqv=on,oas=48",
                    ",stage=2", ",stage=nested", ",stage=1"):
        yield trial(f"accel=on{options}", NIC, "iommufd", args=smmu(",accel=on" + options), hot=False)
    yield trial("accel=on, legacy", NIC, "legacy", args=smmu(",accel=on"), hot=False)
    yield trial("all fixed, legacy", NIC, "legacy", args=smmu(FIXED + ",ats=off"))
    yield trial("accel=on, emulated device", NIC, "iommufd", args=smmu(",accel=on"), before=({**EMULATED, "bus": "rp2"},), hot=False)
    yield trial("accel=on, both backends", NIC, "legacy", args=smmu(",accel=on"), before=(other(EXPRESS, "iommufd"),))
    yield trial("accel=on, no driver", NIC, "iommufd", args=smmu(",accel=on"), setup=(f"bind {NIC} none",), hot=False)
    yield trial("accel=on, host missing", MISSING, "iommufd", args=smmu(",accel=on"), hot=False)
    yield trial("accel=on on pxb", NIC, "iommufd", args=PXB + RPX + smmu(",accel=on", bus="pxb"), **BELOW_PXB)
    yield trial("accel=on on pxb, device on pcie.0", NIC, "iommufd", args=PXB + RPX + smmu(FIXED + ",ats=off", bus="pxb"), hot=False)
    yield trial("accel=on on the root bus", NIC, "iommufd", bus="root-bus", args=smmu(",accel=on"), hot=False)
    for b in BOTH:
        yield trial(f"accel=off, {b}", NIC, b, args=smmu(",accel=off"))
        yield trial(f"-machine iommu=smmuv3, {b}", NIC, b, machine="virt,iommu=smmuv3")
    yield from elsewhere()


DMI = ("-device", "i82801b11-bridge,id=dmi,addr=3.0")
FIXED_OFF = FIXED + ",ats=off"


def elsewhere():
    """Devices that an accelerated SMMU does not find by their requester id, and groups whose table it has changed."""
    slot1, below_pxb = {"addr": "1.0"}, {"args": PXB + RPX + smmu(FIXED_OFF, bus="pxb")}
    for b in BOTH:
        yield trial(f"accel=on, on the bridge, {b}", NIC, b, bus="conventional-bridge", extra=slot1, args=smmu(FIXED_OFF))
        yield trial(f"accel=on, in slot 0 of the bridge, {b}", NIC, b, bus="conventional-bridge", args=smmu(FIXED_OFF))
        for options, slot in itertools.product(("", FIXED_OFF), ("0.0", "1.0")):
            yield trial(f"arm-smmuv3{options}, on i82801b11-bridge, slot {slot}, {b}", NIC, b, args=DMI + smmu(options), hot=False,
                        extra={"bus": "dmi", "addr": slot})
        yield trial(f"accel=on, group used already, {b}", PAIR1, b, args=smmu(FIXED_OFF), before=(other(PAIR0, "iommufd"),))
        yield trial(f"accel=on on pxb, group used there, {b}", PAIR1, b, before=(other(PAIR0, "iommufd", bus="rpx"),), **below_pxb)
        yield trial(f"accel=on on pxb, group used on pcie.0, {b}", PAIR1, "iommufd", before=(other(PAIR0, b),), extra={"bus": "rpx"},
                    hot=False, **below_pxb)
        yield trial(f"accel=on on pxb, another device on pcie.0, {b}", NIC, b, before=(other(EXPRESS, "iommufd", bus="rpx"),), **below_pxb)
    bridged = {"driver": "e1000", "id": "b0", "bus": "ppb"}
    for slot in ("0.0", "1.0"):
        yield trial(f"accel=on, emulated device in slot {slot} of the bridge", NIC, "iommufd", args=smmu(FIXED_OFF), hot=False,
                    before=({**bridged, "addr": slot},))
    for options in (FIXED_OFF, ",accel=on,stage=2", ",accel=on,oas=52"):
        yield trial(f"{options[1:]} and -only-migratable", NIC, "iommufd", args=smmu(options) + ("-only-migratable",), hot=False)
