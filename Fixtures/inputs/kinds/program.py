#!/usr/bin/env python3
import subprocess

subprocess.run([
    "qemu-system-x86_64", "-M", "q35",  # the machine
    "-device", "pcie-root-port,id=rp0",
    "-device", "vfio-pci,host=0000:01:00.0,id=gpu,bus=rp0",
], check=True)
