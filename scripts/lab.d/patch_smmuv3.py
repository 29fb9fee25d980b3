"""patch_smmuv3.py DIRECTORY: gives the SMMUv3 driver in a kernel's source the parameter arm_smmu_v3.lab_idr0, whose bits the
kernel finds set in SMMU_IDR0, and reports so. QEMU's SMMUv3 has no ATS (bit 10): with it the register is made up, and all that the
kernel concludes is real."""
import sys

EDITS = {
    "arm-smmu-v3.h": [("\nstruct arm_smmu_device {", "\nextern unsigned int arm_smmu_lab_idr0;\n\nstruct arm_smmu_device {")],
    "arm-smmu-v3.c": [
        ("\nstatic bool disable_msipolling;",
         "\nunsigned int arm_smmu_lab_idr0;\nmodule_param_named(lab_idr0, arm_smmu_lab_idr0, uint, 0444);\n\nstatic bool disable_msipolling;"),
        ("reg = readl_relaxed(smmu->base + ARM_SMMU_IDR0);", "reg = readl_relaxed(smmu->base + ARM_SMMU_IDR0) | arm_smmu_lab_idr0;")],
    "arm-smmu-v3-iommufd.c": [
        ("info->idr[i] = readl_relaxed(base_idr + i);", "info->idr[i] = readl_relaxed(base_idr + i) | (i ? 0 : arm_smmu_lab_idr0);")],
}

for name, edits in EDITS.items():
    path = f"{sys.argv[1]}/{name}"
    with open(path) as f:
        text = f.read()
    for old, new in edits:
        if text.count(old) != 1:
            sys.exit(f"{name} has {text.count(old)} times: {old.strip()}")
        text = text.replace(old, new)
    with open(path, "w") as f:
        f.write(text)
