#!/bin/bash
set -e
GPU=0000:01:00.0
CARD="vfio-pci,host=$GPU"
DISPLAY_OFF='-display none'
args=(
  -M q35
  -device pcie-root-port,id=rp0
  -device "$CARD,id=gpu,bus=rp0"  # the card
)
if ! lsmod | grep -q vfio_pci; then
  modprobe vfio-pci
fi
exec sudo qemu-system-x86_64 "${args[@]}" $DISPLAY_OFF
