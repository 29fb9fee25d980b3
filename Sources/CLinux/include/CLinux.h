/* One function per ioctl, the UAPI structures, and what Glibc's Swift module leaves out.
 *
 * Every function returns 0, or an errno: never -1, so that errno cannot be lost on the way. */
#ifndef VFIOGATE_CLINUX_H
#define VFIOGATE_CLINUX_H

#include <stdint.h>

#include "child_process.h"
#include "detached_process.h"
#include "unix_socket.h"

/* VFIO_DEVICE_BIND_IOMMUFD. Resets the device: vfio_pci_core_enable() tries a function reset.
 * The binding ends when the cdev's descriptor is closed. */
int vfiogate_bind_iommufd(int cdev, int iommufd, uint32_t *devid);

/* IOMMU_GET_HW_INFO without the vendor's structure: the generic capabilities of a bound device. */
int vfiogate_get_hw_info(int iommufd, uint32_t devid, uint64_t *capabilities);

/* RLIMIT_MEMLOCK's soft limit in bytes. */
int vfiogate_memlock_limit(uint64_t *bytes, int *unlimited);

#endif
