/* A card that is not there: FFmpeg finds it as libcuda.so.1 and libnvcuvid.so.1, so that what it does with a card can be
 * tested without one. GREY_CARD says what the card makes of video: `lacks` the codec, `fails` on every picture, `ramps` (every
 * picture has the same ramps), `moves` (ramps that differ from picture to picture), or anything else: every picture is grey. GREY_CARD_LOG names a file that gets a byte for each plane
 * that is copied to host memory, and another one for each that comes from there. GREY_CARD_FAILS names what fails besides: `copies` on
 * the card, `downloads` from it, `exports` of its memory, or the `encoder` (grey_encoder.c). */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OKAY = 0, FAILED = 1, PITCH = 1024, MEMORY = 1 << 20, GREY = 128 };

static unsigned char memory[MEMORY];
static int context;

static int is_told(const char *word) {
    const char *told = getenv("GREY_CARD");
    return told && !strcmp(told, word);
}

int cuDeviceGetCount(int *count) { *count = 1; return OKAY; }
int cuDeviceGet(int *device, int index) { *device = index; return index == 0 ? OKAY : FAILED; }
int cuDeviceGetName(char *name, int bytes, int device) { (void)device; return strncpy(name, "grey", bytes) ? OKAY : FAILED; }
/* Such as the alignment of textures. */
int cuDeviceGetAttribute(int *value, int attribute, int device) { (void)attribute, (void)device; *value = 512; return OKAY; }
/* New enough for everything. */
int cuDeviceComputeCapability(int *major, int *minor, int device) { (void)device; *major = 8; *minor = 0; return OKAY; }
int cuDevicePrimaryCtxRetain(void **retained, int device) { (void)device; *retained = &context; return OKAY; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { (void)device; *flags = 0; *active = 0; return OKAY; }
int cuCtxCreate_v2(void **created, unsigned flags, int device) { (void)flags, (void)device; *created = &context; return OKAY; }
int cuCtxPopCurrent_v2(void **popped) { if (popped) *popped = &context; return OKAY; }
int cuCtxGetDevice(int *device) { *device = 0; return OKAY; }
int cuGetErrorName(int code, const char **name) { (void)code; *name = "GREY"; return OKAY; }
int cuGetErrorString(int code, const char **text) { (void)code; *text = "the grey card failed"; return OKAY; }

enum { HOST = 1 };
typedef struct { size_t x, y; int kind; unsigned char *host; uint64_t device; void *array; size_t pitch; } Side;
typedef struct { Side from, to; size_t width, height; } Copy;

unsigned char *grey_bytes(uint64_t address);

static unsigned char *begin(const Side *side) {
    unsigned char *base = side->kind == HOST ? side->host : grey_bytes(side->device);
    return base + side->y * side->pitch + side->x;
}

int grey_fails(const char *word) {
    const char *told = getenv("GREY_CARD_FAILS");
    return told && !strcmp(told, word);
}

static void note(char way) {
    const char *name = getenv("GREY_CARD_LOG");
    FILE *log = name ? fopen(name, "a") : 0;
    if (!log) return;
    fputc(way, log);
    fclose(log);
}

void grey_note_download(void) { note('.'); }

int cuMemcpy2D_v2(const Copy *copy) {
    if (copy->to.kind == HOST) {
        grey_note_download();
        if (grey_fails("downloads")) return FAILED;
    } else if (copy->from.kind == HOST) note('^');
    else if (grey_fails("copies")) return FAILED;
    for (size_t row = 0; row < copy->height; row++)
        memcpy(begin(&copy->to) + row * copy->to.pitch, begin(&copy->from) + row * copy->from.pitch, copy->width);
    return OKAY;
}

int cuMemcpy2DAsync_v2(const Copy *copy, void *stream) { (void)stream; return cuMemcpy2D_v2(copy); }

typedef struct {
    int codec, chroma;
    unsigned depth, reserved[3];
    unsigned char supported, decoders;
    unsigned short formats;
    unsigned width, height, blocks;
    unsigned short least_width, least_height;
} Abilities;

int cuvidGetDecoderCaps(Abilities *abilities) {
    abilities->supported = !is_told("lacks");
    abilities->decoders = 1;
    abilities->formats = 0xffff;
    abilities->width = abilities->height = 8192;
    abilities->blocks = 1 << 20;
    abilities->least_width = abilities->least_height = 1;
    return OKAY;
}

int cuvidCreateDecoder(void **decoder, void *settings) { (void)settings; *decoder = &context; return OKAY; }
int cuvidDecodePicture(void *decoder, void *picture) { (void)decoder, (void)picture; return is_told("fails") ? FAILED : OKAY; }

int cuvidMapVideoFrame64(void *decoder, int index, unsigned long long *device, unsigned *pitch, void *settings) {
    (void)decoder, (void)index, (void)settings;
    memset(memory, GREY, MEMORY);
    static int pictures;
    int shift = is_told("moves") ? 3 * pictures++ : 0, has_ramps = is_told("ramps") || is_told("moves");
    for (int index = 0; has_ramps && index < MEMORY; index++) memory[index] = index % PITCH * 3 + index / PITCH * 7 + shift;
    *device = (size_t)memory;
    *pitch = PITCH;
    return OKAY;
}

/* What is looked up and never called with a result in mind. */
#define EMPTY(name) int name(void) { return OKAY; }
EMPTY(cuInit)
EMPTY(cuDevicePrimaryCtxRelease) EMPTY(cuDevicePrimaryCtxRelease_v2) EMPTY(cuDevicePrimaryCtxSetFlags)
EMPTY(cuDevicePrimaryCtxSetFlags_v2) EMPTY(cuDevicePrimaryCtxReset)
EMPTY(cuCtxSetLimit) EMPTY(cuCtxGetCurrent) EMPTY(cuCtxPushCurrent_v2) EMPTY(cuCtxDestroy_v2) EMPTY(cuCtxSetCurrent)
EMPTY(cuCtxSynchronize)
EMPTY(cuMemAllocPitch_v2) EMPTY(cuMemAllocManaged) EMPTY(cuMemsetD8Async)
EMPTY(cuMemcpy) EMPTY(cuMemcpyAsync) EMPTY(cuMemcpyHtoD_v2) EMPTY(cuMemcpyHtoDAsync_v2)
EMPTY(cuMemcpyDtoHAsync_v2) EMPTY(cuMemcpyDtoD_v2)
EMPTY(cuStreamCreate) EMPTY(cuStreamQuery) EMPTY(cuStreamSynchronize) EMPTY(cuStreamDestroy_v2) EMPTY(cuStreamAddCallback)
EMPTY(cuStreamWaitEvent)
EMPTY(cuEventCreate) EMPTY(cuEventDestroy_v2) EMPTY(cuEventSynchronize) EMPTY(cuEventQuery) EMPTY(cuEventRecord)
EMPTY(cuLaunchKernel) EMPTY(cuLinkCreate) EMPTY(cuLinkAddData) EMPTY(cuLinkComplete) EMPTY(cuLinkDestroy)
EMPTY(cuModuleLoadData) EMPTY(cuModuleUnload) EMPTY(cuModuleGetFunction) EMPTY(cuModuleGetGlobal) EMPTY(cuModuleGetGlobal_v2)
EMPTY(cuTexObjectCreate) EMPTY(cuTexObjectDestroy)
EMPTY(cuGLGetDevices_v2) EMPTY(cuGraphicsGLRegisterImage) EMPTY(cuGraphicsUnregisterResource) EMPTY(cuGraphicsMapResources)
EMPTY(cuGraphicsUnmapResources) EMPTY(cuGraphicsSubResourceGetMappedArray) EMPTY(cuGraphicsResourceGetMappedPointer)
EMPTY(cuGraphicsResourceGetMappedPointer_v2)
EMPTY(cuArrayCreate_v2) EMPTY(cuArray3DCreate_v2) EMPTY(cuArrayDestroy)
EMPTY(cuvidDestroyDecoder) EMPTY(cuvidGetDecodeStatus) EMPTY(cuvidReconfigureDecoder) EMPTY(cuvidUnmapVideoFrame64)
EMPTY(cuvidCtxLockCreate) EMPTY(cuvidCtxLockDestroy) EMPTY(cuvidCtxLock) EMPTY(cuvidCtxUnlock)
EMPTY(cuvidCreateVideoSource) EMPTY(cuvidCreateVideoSourceW) EMPTY(cuvidDestroyVideoSource) EMPTY(cuvidSetVideoSourceState)
EMPTY(cuvidGetVideoSourceState) EMPTY(cuvidGetSourceVideoFormat) EMPTY(cuvidGetSourceAudioFormat)
EMPTY(cuvidCreateVideoParser) EMPTY(cuvidParseVideoData) EMPTY(cuvidDestroyVideoParser)
