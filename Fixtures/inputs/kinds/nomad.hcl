# A guest as a task.
task "vm" {
  driver = "raw_exec"
  config {
    command = "/usr/bin/qemu-system-x86_64"
    args = [
      "-machine", "q35", "-nodefaults",
      "-device", "pcie-root-port,id=rp0,chassis=1", // a port
      "-device", "vfio-pci,host=0000:01:00.0,bus=rp0,id=gpu",
    ]
  }
  resources {
    memory = 4096
  }
}
