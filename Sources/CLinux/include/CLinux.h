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

/* How many processors this process may run on (sched_getaffinity(2), which says EINVAL on machines with more than
 * 1024). */
int vfiogate_processors(int *count);

/* The processor that the calling thread runs on (sched_getcpu(3)). */
int vfiogate_processor(int *processor);

/* Keeps the calling thread off a processor; EINVAL when it has no other. */
int vfiogate_leave_processor(int processor);

/* Lets malloc(3) keep what is freed for what is asked for next, up to 64 MiB, instead of giving the top of the heap
 * back to the kernel each time. */
int vfiogate_keep_memory(void);

#endif
