/* Memory of the pretended card that Vulkan can import: it is Vulkan's own, on the first device that there is, and has that device's
 * number. Addresses that are reserved stand for it; what copies asks for the bytes behind them. */

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { OKAY = 0, FAILED = 1, MOST = 256, FILE_DESCRIPTOR = 1, HOST_CACHED = 2 | 4 | 8 };
enum { APPLICATION = 0, INSTANCE = 1, QUEUE = 2, DEVICE = 3, ALLOCATION = 5 };
enum { EXPORT = 1000072002, IDENTITY = 1000071004, GET_DESCRIPTOR = 1000074002, PROPERTIES = 1000059001 };

typedef struct { int type; const void *next; const char *name; uint32_t version; const char *engine; uint32_t engine_version, api; } Application;
typedef struct { int type; const void *next; uint32_t flags; const Application *application; uint32_t layers; const void *layer_names; uint32_t extensions; const char *const *extension_names; } InstanceInfo;
typedef struct { int type; const void *next; uint32_t flags, family, count; const float *priorities; } QueueInfo;
typedef struct { int type; const void *next; uint32_t flags, queues; const QueueInfo *queue_infos; uint32_t layers; const void *layer_names; uint32_t extensions; const char *const *extension_names; const void *features; } DeviceInfo;
typedef struct { int type; const void *next; uint32_t handles; } ExportInfo;
typedef struct { int type; const void *next; uint64_t size; uint32_t memory_type; } AllocateInfo;
typedef struct { int type; const void *next; uint64_t memory; int handle; } DescriptorInfo;
typedef struct { int type; void *next; uint8_t device[16], driver[16], local[8]; uint32_t nodes, has_local; } Identity;
typedef struct { int type; void *next; uint64_t properties[256]; } Properties;
typedef struct { uint32_t types; struct { uint32_t flags, heap; } type[32]; uint32_t heaps; uint64_t heap[32]; } Memories;

typedef struct { uint64_t memory; size_t size; unsigned char *bytes; } Allocation;
typedef struct { uint64_t address; size_t size; unsigned char *bytes; } Mapping;

static Mapping mappings[MOST];
/* Frames come and go on several threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int grey_fails(const char *word);
void grey_note_download(void);

/* The bytes at an address of the card. */
unsigned char *grey_bytes(uint64_t address) {
    unsigned char *bytes = (unsigned char *)(size_t)address;
    pthread_mutex_lock(&lock);
    for (int index = 0; index < MOST; index++) {
        const Mapping *mapping = &mappings[index];
        if (mapping->bytes && address - mapping->address < mapping->size) bytes = mapping->bytes + (address - mapping->address);
    }
    pthread_mutex_unlock(&lock);
    return bytes;
}

static struct {
    void *device;
    uint8_t identity[16];
    uint32_t memory_type;
    int (*allocate)(void *, const AllocateInfo *, const void *, uint64_t *);
    int (*map)(void *, uint64_t, uint64_t, uint64_t, uint32_t, void **);
    void (*release)(void *, uint64_t, const void *);
    int (*descriptor)(void *, const DescriptorInfo *, int *);
} vulkan;

static int choose_memory(const Memories *memories) {
    for (uint32_t index = 0; index < memories->types; index++)
        if ((memories->type[index].flags & HOST_CACHED) == HOST_CACHED) return vulkan.memory_type = index, OKAY;
    return FAILED;
}

static int open_vulkan_once(void) {
    if (vulkan.device) return OKAY;
    void *library = dlopen("libvulkan.so.1", RTLD_NOW), *instance = 0, *card = 0;
    if (!library) return FAILED;
    void *(*get)(void *, const char *) = (void *(*)(void *, const char *))dlsym(library, "vkGetInstanceProcAddr");
    Application application = {APPLICATION, 0, "grey", 1, "grey", 1, 1 << 22 | 1 << 12};
    InstanceInfo wanted = {INSTANCE, 0, 0, &application, 0, 0, 0, 0};
    int (*create)(const InstanceInfo *, const void *, void **) = get(0, "vkCreateInstance");
    if (!create || create(&wanted, 0, &instance)) return FAILED;
    int (*list)(void *, uint32_t *, void **) = get(instance, "vkEnumeratePhysicalDevices");
    uint32_t count = 1;
    if (list(instance, &count, &card) < 0 || count == 0) return FAILED;
    Identity identity = {.type = IDENTITY};
    Properties properties = {.type = PROPERTIES, .next = &identity};
    ((void (*)(void *, Properties *))get(instance, "vkGetPhysicalDeviceProperties2"))(card, &properties);
    memcpy(vulkan.identity, identity.device, 16);
    Memories memories;
    ((void (*)(void *, Memories *))get(instance, "vkGetPhysicalDeviceMemoryProperties"))(card, &memories);
    float priority = 1;
    QueueInfo queue = {QUEUE, 0, 0, 0, 1, &priority};
    const char *extension = "VK_KHR_external_memory_fd";
    DeviceInfo device = {DEVICE, 0, 0, 1, &queue, 0, 0, 1, &extension, 0};
    int (*open)(void *, const DeviceInfo *, const void *, void **) = get(instance, "vkCreateDevice");
    if (choose_memory(&memories) || open(card, &device, 0, &vulkan.device)) return FAILED;
    vulkan.allocate = get(instance, "vkAllocateMemory");
    vulkan.map = get(instance, "vkMapMemory");
    vulkan.release = get(instance, "vkFreeMemory");
    vulkan.descriptor = get(instance, "vkGetMemoryFdKHR");
    return vulkan.descriptor ? OKAY : FAILED;
}

static int open_vulkan(void) {
    pthread_mutex_lock(&lock);
    int result = open_vulkan_once();
    pthread_mutex_unlock(&lock);
    return result;
}

int cuDeviceGetUuid_v2(uint8_t *identity, int device) {
    (void)device;
    if (open_vulkan()) return FAILED;
    memcpy(identity, vulkan.identity, 16);
    return OKAY;
}

int cuDeviceGetUuid(uint8_t *identity, int device) { return cuDeviceGetUuid_v2(identity, device); }
int cuMemGetAllocationGranularity(size_t *bytes, const void *wanted, int option) { (void)wanted, (void)option; *bytes = 4096; return OKAY; }

int cuMemCreate(uint64_t *handle, size_t size, const void *wanted, uint64_t flags) {
    (void)wanted, (void)flags;
    if (open_vulkan()) return FAILED;
    Allocation *made = calloc(1, sizeof *made);
    ExportInfo export = {EXPORT, 0, FILE_DESCRIPTOR};
    AllocateInfo allocate = {ALLOCATION, &export, size, vulkan.memory_type};
    made->size = size;
    if (vulkan.allocate(vulkan.device, &allocate, 0, &made->memory)) return FAILED;
    *handle = (uint64_t)(size_t)made;
    return vulkan.map(vulkan.device, made->memory, 0, ~0ull, 0, (void **)&made->bytes) ? FAILED : OKAY;
}

int cuMemExportToShareableHandle(int *descriptor, uint64_t handle, int type, uint64_t flags) {
    (void)type, (void)flags;
    if (grey_fails("exports")) return FAILED;
    DescriptorInfo wanted = {GET_DESCRIPTOR, 0, ((Allocation *)(size_t)handle)->memory, FILE_DESCRIPTOR};
    return vulkan.descriptor(vulkan.device, &wanted, descriptor) ? FAILED : OKAY;
}

/* Nothing is to be read there by anybody but who asks for the bytes. */
int cuMemAddressReserve(uint64_t *address, size_t size, size_t alignment, uint64_t wanted, uint64_t flags) {
    (void)alignment, (void)wanted, (void)flags;
    void *reserved = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *address = (uint64_t)(size_t)reserved;
    return reserved == MAP_FAILED ? FAILED : OKAY;
}

int cuMemMap(uint64_t address, size_t size, size_t offset, uint64_t handle, uint64_t flags) {
    (void)flags;
    int result = FAILED;
    pthread_mutex_lock(&lock);
    for (int index = 0; index < MOST && result != OKAY; index++) {
        if (mappings[index].bytes) continue;
        mappings[index] = (Mapping){address, size, ((Allocation *)(size_t)handle)->bytes + offset};
        result = OKAY;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int cuMemUnmap(uint64_t address, size_t size) {
    (void)size;
    pthread_mutex_lock(&lock);
    for (int index = 0; index < MOST; index++)
        if (mappings[index].address == address) mappings[index].bytes = 0;
    pthread_mutex_unlock(&lock);
    return OKAY;
}

int cuMemAddressFree(uint64_t address, size_t size) { return munmap((void *)(size_t)address, size) ? FAILED : OKAY; }

int cuMemRelease(uint64_t handle) {
    Allocation *made = (Allocation *)(size_t)handle;
    vulkan.release(vulkan.device, made->memory, 0);
    free(made);
    return OKAY;
}

int cuMemSetAccess(uint64_t address, size_t size, const void *access, size_t count) { (void)address, (void)size, (void)access, (void)count; return OKAY; }
int cuMemsetD8_v2(uint64_t address, unsigned char value, size_t count) { memset(grey_bytes(address), value, count); return OKAY; }

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream) {
    (void)stream;
    memcpy(grey_bytes(to), grey_bytes(from), bytes);
    return OKAY;
}

int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
    grey_note_download();
    memcpy(to, grey_bytes(from), bytes);
    return OKAY;
}

int cuMemAlloc_v2(uint64_t *address, size_t size) { *address = (uint64_t)(size_t)aligned_alloc(4096, (size + 4095) / 4096 * 4096); return *address ? OKAY : FAILED; }
int cuMemFree_v2(uint64_t address) { free((void *)(size_t)address); return OKAY; }
