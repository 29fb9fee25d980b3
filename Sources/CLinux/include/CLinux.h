/* One function per ioctl with its UAPI structure, and system calls that Glibc's Swift module leaves out.
 *
 * Every function returns a value of 0 or more, or -errno, as a system call of the kernel does: errno itself is
 * never part of the interface, so that it cannot change on the way. */
#ifndef VFIOGATE_CLINUX_H
#define VFIOGATE_CLINUX_H

#include <stdint.h>

#include "child_process.h"
#include "detached_process.h"
#include "unix_socket.h"

/* VFIO_DEVICE_BIND_IOMMUFD (linux/vfio.h). Resets the device: vfio_pci_core_enable() tries a function reset.
 * The binding ends when the cdev's descriptor is closed. */
int clinux_bind_iommufd(int cdev, int iommufd, uint32_t *devid);

#define CLINUX_SMMUV3_REGISTERS 8

/* IOMMU_GET_HW_INFO (linux/iommufd.h): the generic capabilities of a bound device, and, where `is_smmuv3` is 1, the
 * SMMUv3's registers IDR0 to IDR5, IIDR and AIDR: `smmuv3` has CLINUX_SMMUV3_REGISTERS of them. */
int clinux_get_hw_info(int iommufd, uint32_t devid, uint64_t *capabilities, uint32_t *smmuv3, int *is_smmuv3);

/* The soft limit RLIMIT_MEMLOCK (getrlimit(2)), in bytes; `unlimited` is 1 when there is none. */
int clinux_memlock_limit(uint64_t *bytes, int *unlimited);

/* The magic number of the file system that a path is on (statfs(2), linux/magic.h). */
int clinux_file_system(const char *path, uint64_t *magic);

/* 1 for an open character device, with its number; 0 for another file. Does not ask a file system's server, which may not answer
 * (statx(2), AT_STATX_DONT_SYNC). */
int clinux_character_device(int descriptor, uint32_t *major, uint32_t *minor);

#endif
