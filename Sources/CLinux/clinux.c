#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Own structures, because distributions' kernel headers are older than the kernels that run:
 * linux/vfio.h and linux/iommufd.h. */

struct bind_iommufd {
  uint32_t argsz;
  uint32_t flags;
  int32_t iommufd;
  uint32_t out_devid;
  uint64_t token_uuid_ptr;
};
_Static_assert(sizeof(struct bind_iommufd) == 24, "struct vfio_device_bind_iommufd");
_Static_assert(offsetof(struct bind_iommufd, out_devid) == 12, "out_devid");
_Static_assert(offsetof(struct bind_iommufd, token_uuid_ptr) == 16, "token_uuid_ptr");

struct hw_info {
  uint32_t size;
  uint32_t flags;
  uint32_t dev_id;
  uint32_t data_len;
  uint64_t data_uptr;
  uint32_t out_data_type;
  uint8_t out_max_pasid_log2;
  uint8_t reserved[3];
  uint64_t out_capabilities;
};
_Static_assert(sizeof(struct hw_info) == 40, "struct iommu_hw_info");
_Static_assert(offsetof(struct hw_info, data_uptr) == 16, "data_uptr");
_Static_assert(offsetof(struct hw_info, out_capabilities) == 32, "out_capabilities");

#define VFIO_DEVICE_BIND_IOMMUFD 0x3b76UL /* _IO(VFIO_TYPE, VFIO_BASE + 18) */
#define IOMMU_GET_HW_INFO 0x3b8aUL        /* _IO(IOMMUFD_TYPE, 0x8a) */
_Static_assert(VFIO_DEVICE_BIND_IOMMUFD == _IO(';', 100 + 18), "VFIO_DEVICE_BIND_IOMMUFD");
_Static_assert(IOMMU_GET_HW_INFO == _IO(';', 0x8a), "IOMMU_GET_HW_INFO");

int clinux_bind_iommufd(int cdev, int iommufd, uint32_t *devid) {
  struct bind_iommufd request;
  memset(&request, 0, sizeof request);
  /* Without a token the structure ends before token_uuid_ptr; kernels that do not know the token
   * refuse nothing, but also need no more. */
  request.argsz = offsetof(struct bind_iommufd, token_uuid_ptr);
  request.iommufd = iommufd;
  if (ioctl(cdev, VFIO_DEVICE_BIND_IOMMUFD, &request) != 0)
    return -errno;
  *devid = request.out_devid;
  return 0;
}

/* struct iommu_hw_info_arm_smmuv3 (linux/iommufd.h) */
struct smmuv3_info {
  uint32_t flags;
  uint32_t reserved;
  uint32_t registers[CLINUX_SMMUV3_REGISTERS];
};
_Static_assert(sizeof(struct smmuv3_info) == 40, "struct iommu_hw_info_arm_smmuv3");

#define IOMMU_HW_INFO_TYPE_ARM_SMMUV3 2

int clinux_get_hw_info(int iommufd, uint32_t devid, uint64_t *capabilities, uint32_t *smmuv3, int *is_smmuv3) {
  struct smmuv3_info info;
  struct hw_info request;
  memset(&info, 0, sizeof info);
  memset(&request, 0, sizeof request);
  request.size = sizeof request;
  request.dev_id = devid;
  request.data_len = sizeof info;
  request.data_uptr = (uintptr_t)&info;
  if (ioctl(iommufd, IOMMU_GET_HW_INFO, &request) != 0)
    return -errno;
  *capabilities = request.out_capabilities;
  /* The kernel answers with the length of what it has. */
  *is_smmuv3 = request.out_data_type == IOMMU_HW_INFO_TYPE_ARM_SMMUV3 && request.data_len >= sizeof info;
  memcpy(smmuv3, info.registers, sizeof info.registers);
  return 0;
}

int clinux_memlock_limit(uint64_t *bytes, int *unlimited) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
    return -errno;
  *unlimited = limit.rlim_cur == RLIM_INFINITY;
  *bytes = (uint64_t)limit.rlim_cur;
  return 0;
}

int clinux_file_system(const char *path, uint64_t *magic) {
  struct statfs found;
  if (statfs(path, &found) != 0)
    return -errno;
  *magic = (uint32_t)found.f_type;
  return 0;
}


int clinux_character_device(int descriptor, uint32_t *major, uint32_t *minor) {
  struct statx found;
  if (statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) != 0)
    return -errno;
  *major = found.stx_rdev_major;
  *minor = found.stx_rdev_minor;
  return S_ISCHR(found.stx_mode);
}
