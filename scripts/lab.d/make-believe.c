/* A make-believe vfio and iommufd for a real QEMU: LD_PRELOAD this library, and the ioctls of /dev/vfio and /dev/iommu
 * are answered from a description, so that QEMU's whole realize runs on a machine that has neither.
 *
 * The files are real (make_believe.py lays them out below a folder that is mounted over /sys and /dev): a device is a
 * sparse file with a region at each index << 40, as the kernel's own offsets are, so pread, pwrite and mmap need
 * nothing from here. What is answered here follows linux drivers/vfio (container.c, group.c, device_cdev.c,
 * vfio_pci_core.c, vfio_iommu_type1.c) and drivers/iommu/iommufd; structures are those of linux/vfio.h and
 * linux/iommufd.h, written out because Debian 12's headers lack the newer ones.
 *
 * MAKE_BELIEVE names the description, a line an item:
 *   interrupts 0|1                       whether interrupts are isolated
 *   width BITS                           what the IOMMU maps
 *   registers CAP ECAP                   of the host's VT-d unit, hexadecimal; 0 0 for another IOMMU
 *   device BDF GROUP CDEV MINOR BOUND VIABLE FLAG CONFIG-SIZE CLASS PIN RESETS SIZE0..SIZE6
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX 64
#define FDS 1024

struct device {
    char bdf[16], cdev[16];
    int group, minor, bound, viable, flag, pin, resets;
    unsigned config_size, class_code;
    uint64_t size[7];
};

static struct device devices[MAX];
static int device_count, isolated = 1, width = 48;
static uint64_t cap_register, ecap_register;

/* What this process holds. */
enum kind { NOTHING, CONTAINER, GROUP, DEVICE, CDEV, IOMMUFD };
static struct { enum kind kind; int device, group, iommufd; uint32_t table; } held[FDS];

__attribute__((constructor)) static void describe(void)
{
    const char *path = getenv("MAKE_BELIEVE");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        struct device d = {0};
        if (sscanf(line, "interrupts %d", &isolated) == 1 || sscanf(line, "width %d", &width) == 1
            || sscanf(line, "registers %lx %lx", &cap_register, &ecap_register) == 2)
            continue;
        if (sscanf(line, "device %15s %d %15s %d %d %d %d %u %x %d %d %lx %lx %lx %lx %lx %lx %lx", d.bdf, &d.group,
                   d.cdev, &d.minor, &d.bound, &d.viable, &d.flag, &d.config_size, &d.class_code, &d.pin, &d.resets,
                   &d.size[0], &d.size[1], &d.size[2], &d.size[3], &d.size[4], &d.size[5], &d.size[6]) == 18
            && device_count < MAX)
            devices[device_count++] = d;
    }
    if (file)
        fclose(file);
}

/* The kind of a descriptor, by the path of its file: also of one that was inherited. */
static enum kind kind_of(int fd)
{
    char link[32], path[128];
    if (fd < 0 || fd >= FDS)
        return NOTHING;
    if (held[fd].kind)
        return held[fd].kind;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return NOTHING;
    path[n] = 0;
    char *name = strstr(path, "/dev/");
    if (!name)
        return NOTHING;
    int group;
    if (!strcmp(name, "/dev/iommu"))
        held[fd].kind = IOMMUFD;
    else if (!strcmp(name, "/dev/vfio/vfio"))
        held[fd].kind = CONTAINER;
    else if (!strncmp(name, "/dev/vfio/devices/", 18)) {
        for (int i = 0; i < device_count; i++)
            if (!strcmp(devices[i].cdev, name + 18)) {
                held[fd].kind = CDEV;
                held[fd].device = i;
                held[fd].group = devices[i].group;
                held[fd].iommufd = -1;
            }
    } else if (sscanf(name, "/dev/vfio/%d", &group) == 1) {
        held[fd].kind = GROUP;
        held[fd].group = group;
    }
    return held[fd].kind;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

/* Whether a device of the group is bound to an iommufd, or its node is open, by another descriptor. */
static int group_in_use(int group, enum kind kind, int besides)
{
    for (int fd = 0; fd < FDS; fd++)
        if (fd != besides && held[fd].kind == kind && held[fd].group == group && (kind != CDEV || held[fd].iommufd >= 0))
            return 1;
    return 0;
}

static int is_viable(int group)
{
    for (int i = 0; i < device_count; i++)
        if (devices[i].group == group && !devices[i].viable)
            return 0;
    return 1;
}

/* MARK: a device, linux drivers/vfio/pci/vfio_pci_core.c */

struct region_info { uint32_t argsz, flags, index, cap_offset; uint64_t size, offset; };
struct irq_info { uint32_t argsz, flags, index, count; };
struct device_info { uint32_t argsz, flags, regions, irqs, cap_offset, pad; };

static int get_region(struct device *d, struct region_info *info)
{
    info->offset = (uint64_t)info->index << 40;
    info->flags = 3;
    info->cap_offset = 0;
    if (info->index < 6) {
        info->size = d->size[info->index];
        if (!info->size)
            info->flags = 0;
        else if (info->size >= 4096)
            info->flags |= 4;
        return 0;
    }
    switch (info->index) {
    case 6: info->size = d->size[6]; info->flags = info->size ? 1 : 0; return 0;
    case 7: info->size = d->config_size; return 0;
    case 8:
        if (d->class_code >> 8 != 0x0300)
            return fail(EINVAL);
        info->size = 0xc0000;
        return 0;
    default: return fail(EINVAL);
    }
}

/* The capability in the standard list; 0 when there is none. */
static int capability(int fd, int id)
{
    uint8_t config[256];
    if (pread(fd, config, 256, 7LL << 40) != 256 || !(config[6] & 0x10))
        return 0;
    int at = config[0x34] & ~3;
    for (int i = 0; at && i < 48; i++, at = config[at + 1] & ~3)
        if (config[at] == id)
            return at;
    return 0;
}

static int get_irq(int fd, struct device *d, struct irq_info *info)
{
    uint16_t control = 0;
    int at;
    info->flags = 1;
    switch (info->index) {
    case 0: info->count = d->pin != 0; info->flags = 7; return 0;
    case 1:
    case 2:
        at = capability(fd, info->index == 1 ? 5 : 0x11);
        info->count = 0;
        info->flags = 9;
        if (at && pread(fd, &control, 2, (7LL << 40) + at + 2) == 2)
            info->count = info->index == 1 ? 1u << (control >> 1 & 7) : (control & 0x7ffu) + 1;
        return 0;
    case 3:
        if (!capability(fd, 0x10))
            return fail(EINVAL);
        info->count = 1;
        return 0;
    case 4: info->count = 1; return 0;
    default: return fail(EINVAL);
    }
}

static int device_ioctl(int fd, unsigned number, void *arg)
{
    struct device *d = &devices[held[fd].device];
    struct device_info *info = arg;
    switch (number) {
    case 0x6b:
        info->flags = 2 | (d->resets ? 1 : 0);
        info->regions = 9;
        info->irqs = 5;
        info->cap_offset = 0;
        return 0;
    case 0x6c: return get_region(d, arg);
    case 0x6d: return get_irq(fd, d, arg);
    case 0x6e: return 0;
    case 0x6f: return d->resets ? 0 : fail(EINVAL);
    case 0x70: return fail(ENODEV);
    default: return fail(ENOTTY);  /* VFIO_DEVICE_FEATURE: no migration, no dma-buf */
    }
}

/* MARK: the legacy backend, linux drivers/vfio/group.c, container.c, vfio_iommu_type1.c */

static int open_device(int group, const char *name)
{
    /* "BDF vf_token=UUID": no device here is a VF of a PF on vfio-pci, or has SR-IOV. */
    size_t length = strcspn(name, " ");
    for (int i = 0; i < device_count; i++) {
        if (devices[i].group != group || strlen(devices[i].bdf) != length || strncmp(devices[i].bdf, name, length)
            || !devices[i].bound)
            continue;
        if (name[length])
            return fail(EINVAL);
        char path[64];
        snprintf(path, sizeof path, "/dev/vfio/devices/%s", devices[i].cdev);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && fd < FDS) {
            held[fd].kind = DEVICE;
            held[fd].device = i;
            held[fd].group = group;
        }
        return fd;
    }
    return fail(ENODEV);
}

static int group_ioctl(int fd, unsigned number, void *arg)
{
    uint32_t *words = arg;
    switch (number) {
    case 0x67: words[1] = is_viable(held[fd].group) ? 1 : 0; return 0;
    case 0x68:
    case 0x69: return 0;
    case 0x6a: return open_device(held[fd].group, arg);
    default: return fail(ENOTTY);
    }
}

struct range { uint64_t start, end; };

static int ranges(struct range *out)
{
    uint64_t last = width >= 64 ? UINT64_MAX : (1ULL << width) - 1;
    out[0] = (struct range){0, 0xfedfffff};
    out[1] = (struct range){0xfef00000, last};
    return 2;
}

struct type1_info { uint32_t argsz, flags; uint64_t page_sizes; uint32_t cap_offset, pad; };
struct type1_ranges { uint16_t id, version; uint32_t next, count, pad; struct range range[2]; };

static int container_ioctl(unsigned number, void *arg, unsigned long value)
{
    struct type1_info *info = arg;
    struct type1_ranges *caps = (void *)(info + 1);
    switch (number) {
    case 0x64: return 0;
    case 0x65: return value == 1 || value == 3 || value == 4;
    case 0x66: return isolated ? 0 : fail(EPERM);
    case 0x70:
        info->flags = 3;
        /* VT-d CAP 37:34 (SLLPS): second-stage pages of 2 MiB and 1 GiB. */
        info->page_sizes = cap_register ? 0x1000 | (cap_register >> 34 & 1) << 21 | (cap_register >> 35 & 1) << 30 : ~0xfffULL;
        info->cap_offset = 0;
        if (info->argsz >= sizeof *info + sizeof *caps) {
            info->cap_offset = sizeof *info;
            caps->id = 1;
            caps->version = 1;
            caps->next = 0;
            caps->count = ranges(caps->range);
        }
        info->argsz = sizeof *info + sizeof *caps;
        return 0;
    case 0x71:
    case 0x72: return 0;
    default: return fail(ENOTTY);
    }
}

/* MARK: iommufd, linux drivers/vfio/device_cdev.c, drivers/iommu/iommufd */

static int bind_cdev(int fd, uint32_t *words)
{
    int group = held[fd].group, with = (int)words[2];
    if (group_in_use(group, GROUP, fd))
        return fail(EBUSY);
    for (int other = 0; other < FDS; other++)
        if (other != fd && held[other].kind == CDEV && held[other].device == held[fd].device && held[other].iommufd >= 0)
            return fail(EINVAL);
    if (!is_viable(group) || !isolated)
        return fail(EPERM);
    for (int other = 0; other < FDS; other++)
        if (other != fd && held[other].kind == CDEV && held[other].group == group && held[other].iommufd >= 0
            && held[other].iommufd != with)
            return fail(EPERM);
    held[fd].iommufd = with;
    held[fd].table = 0;
    words[3] = 0x100 + held[fd].device;
    return 0;
}

/* The functions of a group have one page table (drivers/iommu/iommufd/device.c: iommufd_hw_pagetable_attach). */
static int attach_table(int fd, uint32_t table)
{
    for (int other = 0; other < FDS; other++)
        if (other != fd && held[other].kind == CDEV && held[other].group == held[fd].group && held[other].table
            && held[other].table != table)
            return fail(EINVAL);
    held[fd].table = table;
    return 0;
}

static int cdev_ioctl(int fd, unsigned number, void *arg)
{
    if (number == 0x76)
        return bind_cdev(fd, arg);
    if (held[fd].iommufd < 0)
        return fail(EINVAL);
    if (number == 0x77)
        return attach_table(fd, ((uint32_t *)arg)[2]);
    if (number == 0x78) {
        held[fd].table = 0;
        return 0;
    }
    return device_ioctl(fd, number, arg);
}

struct hw_info {
    uint32_t size, flags, dev_id, data_len;
    uint64_t data;
    uint32_t data_type;
    uint8_t pasid_log2, reserved[3];
    uint64_t capabilities;
};

static int get_hw_info(struct hw_info *info)
{
    unsigned index = info->dev_id - 0x100;
    struct { uint32_t flags, reserved; uint64_t cap, ecap; } vtd = {0, 0, cap_register, ecap_register};
    if (index >= (unsigned)device_count)
        return fail(ENOENT);
    info->data_type = cap_register ? 1 : 0;
    if (info->data && cap_register)
        memcpy((void *)(uintptr_t)info->data, &vtd, info->data_len < sizeof vtd ? info->data_len : sizeof vtd);
    if (info->data && info->data_len > sizeof vtd)
        memset((char *)(uintptr_t)info->data + sizeof vtd, 0, info->data_len - sizeof vtd);
    info->data_len = cap_register ? sizeof vtd : 0;
    info->pasid_log2 = 0;
    info->capabilities = devices[index].flag ? 1 << 3 : 0;  /* IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED */
    return 0;
}

static int iommufd_ioctl(unsigned number, void *arg)
{
    static uint32_t next = 0x1000;
    uint32_t *words = arg, room;
    switch (number) {
    case 0x81: words[2] = next++; return 0;
    case 0x84:
        room = words[2];
        words[2] = 2;
        *(uint64_t *)(words + 6) = 4096;
        if (room < 2)
            return fail(EMSGSIZE);
        return ranges((struct range *)(uintptr_t)*(uint64_t *)(words + 4)) == 2 ? 0 : -1;
    case 0x89:
        /* IOMMU_HWPT_ALLOC_NEST_PARENT needs scalable mode, dirty tracking the same */
        if (words[1] & 3)
            return fail(EOPNOTSUPP);
        words[4] = next++;
        return 0;
    case 0x8a: return get_hw_info(arg);
    case 0x80: case 0x82: case 0x83: case 0x85: case 0x86: case 0x87: case 0x8f: return 0;
    default: return fail(ENOTTY);
    }
}

/* MARK: what QEMU calls */

int ioctl(int fd, unsigned long request, ...)
{
    va_list list;
    va_start(list, request);
    void *arg = va_arg(list, void *);
    va_end(list);
    if ((request >> 8 & 0xff) == ';') {
        unsigned number = request & 0xff;
        switch (kind_of(fd)) {
        case CONTAINER: return container_ioctl(number, arg, (unsigned long)arg);
        case GROUP: return group_ioctl(fd, number, arg);
        case DEVICE: return device_ioctl(fd, number, arg);
        case CDEV: return cdev_ioctl(fd, number, arg);
        case IOMMUFD: return iommufd_ioctl(number, arg);
        case NOTHING: break;
        }
    }
    int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, arg);
}

static int opened(int fd, const char *path)
{
    if (fd < 0 || fd >= FDS || strncmp(path, "/dev/vfio/", 10))
        return fd;
    held[fd].kind = NOTHING;
    enum kind kind = kind_of(fd);
    /* A group is opened once, and not while its cdevs are bound. */
    if (kind == GROUP && (group_in_use(held[fd].group, GROUP, fd) || group_in_use(held[fd].group, CDEV, fd))) {
        close(fd);
        return fail(EBUSY);
    }
    return fd;
}

#define OPEN(name, ...)                                                                        \
    va_list list;                                                                              \
    va_start(list, flags);                                                                     \
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, int) : 0;                        \
    va_end(list);                                                                              \
    int (*real)() = (int (*)())dlsym(RTLD_NEXT, name);                                         \
    return opened(real(__VA_ARGS__, flags, mode), path)

int open(const char *path, int flags, ...) { OPEN("open", path); }
int open64(const char *path, int flags, ...) { OPEN("open64", path); }
int openat(int folder, const char *path, int flags, ...) { OPEN("openat", folder, path); }
int openat64(int folder, const char *path, int flags, ...) { OPEN("openat64", folder, path); }

int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        held[fd].kind = NOTHING;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
    return real(fd);
}

/* A cdev is a character device with the number that its sysfs file says. */
#define STAT(name, type)                                                                       \
    int name(int fd, struct type *st)                                                          \
    {                                                                                          \
        int (*real)(int, struct type *) = (int (*)(int, struct type *))dlsym(RTLD_NEXT, #name); \
        int result = real(fd, st);                                                             \
        if (!result && kind_of(fd) == CDEV) {                                                  \
            st->st_mode = (st->st_mode & ~S_IFMT) | S_IFCHR;                                   \
            st->st_rdev = makedev(511, devices[held[fd].device].minor);                        \
        }                                                                                      \
        return result;                                                                         \
    }
STAT(fstat, stat)
STAT(fstat64, stat64)
