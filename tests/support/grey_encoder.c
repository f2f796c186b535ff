/* The encoder of the card that is not there: FFmpeg finds it as libnvidia-encode.so.1. It writes H.264 whose macroblocks are the
 * samples themselves (I_PCM), so that what is decoded is what the encoder saw, of 8 or 10 bits. A picture that comes from host
 * memory is noted in the card's log as an upload. */

#include <ffnvcodec/nvEncodeAPI.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8192, I_PCM = 25, I_SLICE = 7, IDR = 5, SEQUENCE = 7, PICTURE = 8, PRECIOUS = 3 };

static const NVENCSTATUS OKAY = NV_ENC_SUCCESS;

typedef struct { unsigned width, height, pictures; NV_ENC_BUFFER_FORMAT format; } Encoder;
typedef struct { unsigned char *bytes; unsigned pitch, height; NV_ENC_BUFFER_FORMAT format; int is_own; } Input;
typedef struct { unsigned char *bytes; size_t size, room; uint64_t time; } Output;

static void note_upload(void) {
    const char *name = getenv("GREY_CARD_LOG");
    FILE *log = name ? fopen(name, "a") : 0;
    if (!log) return;
    fputc('^', log);
    fclose(log);
}

/* One unit of a stream while it is written: `escaped` counts zeros, after two of which no byte below 4 may follow. */
typedef struct { Output *to; unsigned held, bits, escaped; } Writer;

static void append(Output *to, unsigned char byte) {
    if (to->size == to->room) to->bytes = realloc(to->bytes, to->room = 2 * to->room + 4096);
    to->bytes[to->size++] = byte;
}

static void put_byte(Writer *writer, unsigned char byte) {
    if (writer->escaped >= 2 && byte <= 3) append(writer->to, 3), writer->escaped = 0;
    append(writer->to, byte);
    writer->escaped = byte ? 0 : writer->escaped + 1;
}

static void put(Writer *writer, unsigned value, unsigned bits) {
    while (bits--) {
        writer->held = writer->held << 1 | (value >> bits & 1);
        if (++writer->bits == 8) put_byte(writer, writer->held), writer->held = writer->bits = 0;
    }
}

/* Exponential Golomb codes. */
static void put_number(Writer *writer, unsigned value) {
    unsigned length = 1;
    while (value + 1 >> length) length++;
    put(writer, 0, length - 1);
    put(writer, value + 1, length);
}

static Writer begin_unit(Output *to, unsigned kind) {
    const unsigned char start[] = {0, 0, 0, 1, (unsigned char)(PRECIOUS << 5 | kind)};
    for (size_t index = 0; index < sizeof start; index++) append(to, start[index]);
    return (Writer){to, 0, 0, 0};
}

static void align(Writer *writer) { while (writer->bits) put(writer, 0, 1); }
static void end_unit(Writer *writer) { put(writer, 1, 1), align(writer); }

static int is_wide(const Encoder *encoder) { return encoder->format == NV_ENC_BUFFER_FORMAT_YUV420_10BIT; }

static void write_parameters(const Encoder *encoder, Output *to) {
    unsigned columns = (encoder->width + 15) / 16, rows = (encoder->height + 15) / 16, deeper = is_wide(encoder) ? 2 : 0;
    Writer writer = begin_unit(to, SEQUENCE);
    /* Profile High or High 10, level 5.1, the first of its kind, 4:2:0, depths, no bypass, no matrices. */
    put(&writer, deeper ? 110 : 100, 8), put(&writer, 0, 8), put(&writer, 51, 8), put_number(&writer, 0);
    put_number(&writer, 1), put_number(&writer, deeper), put_number(&writer, deeper), put(&writer, 0, 2);
    /* 4 bits of frame numbers, pictures in the order of their decoding, no references, no gaps. */
    put_number(&writer, 0), put_number(&writer, 2), put_number(&writer, 0), put(&writer, 0, 1);
    put_number(&writer, columns - 1), put_number(&writer, rows - 1);
    /* Frames, direct inference, what is cut off on the right and below in chroma samples, nothing else. */
    put(&writer, 3, 2), put(&writer, 1, 1);
    put_number(&writer, 0), put_number(&writer, (16 * columns - encoder->width) / 2);
    put_number(&writer, 0), put_number(&writer, (16 * rows - encoder->height) / 2);
    put(&writer, 0, 1), end_unit(&writer);
    writer = begin_unit(to, PICTURE);
    /* Both identifiers, CAVLC, one group, one reference each, no weights, three offsets, filter control, nothing else. */
    put_number(&writer, 0), put_number(&writer, 0), put(&writer, 0, 2), put_number(&writer, 0);
    put_number(&writer, 0), put_number(&writer, 0), put(&writer, 0, 3);
    put_number(&writer, 0), put_number(&writer, 0), put_number(&writer, 0), put(&writer, 4, 3), end_unit(&writer);
}

/* The sample of a component (0 for luma) at a place, which is repeated beyond the edges. */
static unsigned sample(const Encoder *encoder, const Input *input, int component, unsigned x, unsigned y) {
    unsigned width = component ? encoder->width / 2 : encoder->width, height = component ? encoder->height / 2 : encoder->height;
    if (x >= width) x = width - 1;
    if (y >= height) y = height - 1;
    const unsigned char *luma = input->bytes, *chroma = luma + (size_t)input->pitch * input->height;
    if (is_wide(encoder)) {
        const unsigned char *at = component ? chroma + (size_t)y * input->pitch + 4 * x + 2 * (component - 1) : luma + (size_t)y * input->pitch + 2 * x;
        return (at[0] | at[1] << 8) >> 6;
    }
    if (!component) return luma[(size_t)y * input->pitch + x];
    if (input->format == NV_ENC_BUFFER_FORMAT_NV12) return chroma[(size_t)y * input->pitch + 2 * x + (component - 1)];
    /* Red comes before blue. */
    if (component == 1) chroma += (size_t)input->pitch / 2 * (input->height / 2);
    return chroma[(size_t)y * (input->pitch / 2) + x];
}

static void write_picture(Encoder *encoder, const Input *input, Output *to) {
    Writer writer = begin_unit(to, IDR);
    /* From the first macroblock on, the picture's parameters, frame number, a number unlike its neighbour's, no marks, no change of
     * the quantiser, no filter. */
    put_number(&writer, 0), put_number(&writer, I_SLICE), put_number(&writer, 0), put(&writer, 0, 4);
    put_number(&writer, encoder->pictures++ % 2), put(&writer, 0, 2), put_number(&writer, 0), put_number(&writer, 1);
    unsigned bits = is_wide(encoder) ? 10 : 8;
    for (unsigned top = 0; top < encoder->height; top += 16)
        for (unsigned left = 0; left < encoder->width; left += 16) {
            put_number(&writer, I_PCM), align(&writer);
            for (int component = 0; component < 3; component++) {
                unsigned side = component ? 8 : 16, x = component ? left / 2 : left, y = component ? top / 2 : top;
                for (unsigned row = 0; row < side; row++)
                    for (unsigned column = 0; column < side; column++)
                        put(&writer, sample(encoder, input, component, x + column, y + row), bits);
            }
        }
    end_unit(&writer);
}

static NVENCSTATUS open_session(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *wanted, void **encoder) {
    const char *fails = getenv("GREY_CARD_FAILS");
    if (fails && !strcmp(fails, "encoder")) return NV_ENC_ERR_UNSUPPORTED_DEVICE;
    (void)wanted;
    *encoder = calloc(1, sizeof(Encoder));
    return OKAY;
}

static NVENCSTATUS count_codecs(void *encoder, uint32_t *count) { (void)encoder; *count = 1; return OKAY; }

static NVENCSTATUS list_codecs(void *encoder, GUID *codecs, uint32_t room, uint32_t *count) {
    (void)encoder, (void)room;
    *codecs = NV_ENC_CODEC_H264_GUID;
    *count = 1;
    return OKAY;
}

static NVENCSTATUS tell_ability(void *encoder, GUID codec, NV_ENC_CAPS_PARAM *wanted, int *value) {
    (void)encoder, (void)codec;
    NV_ENC_CAPS ability = wanted->capsToQuery;
    *value = ability == NV_ENC_CAPS_WIDTH_MAX || ability == NV_ENC_CAPS_HEIGHT_MAX ? MOST : ability == NV_ENC_CAPS_NUM_MAX_BFRAMES ? 4 : 1;
    return OKAY;
}

static NVENCSTATUS tell_preset(void *encoder, GUID codec, GUID preset, NV_ENC_TUNING_INFO tuning, NV_ENC_PRESET_CONFIG *settings) {
    (void)encoder, (void)codec, (void)preset, (void)tuning;
    settings->presetCfg.frameIntervalP = 1;
    return OKAY;
}

static NVENCSTATUS initialise(void *session, NV_ENC_INITIALIZE_PARAMS *settings) {
    Encoder *encoder = session;
    encoder->width = settings->encodeWidth;
    encoder->height = settings->encodeHeight;
    return OKAY;
}

static NVENCSTATUS tell_parameters(void *encoder, NV_ENC_SEQUENCE_PARAM_PAYLOAD *payload) {
    Output output = {0};
    write_parameters(encoder, &output);
    memcpy(payload->spsppsBuffer, output.bytes, output.size);
    *payload->outSPSPPSPayloadSize = output.size;
    free(output.bytes);
    return OKAY;
}

static NVENCSTATUS make_input(void *session, NV_ENC_CREATE_INPUT_BUFFER *wanted) {
    Encoder *encoder = session;
    Input *input = calloc(1, sizeof *input);
    encoder->format = input->format = wanted->bufferFmt;
    input->pitch = (wanted->width * 2 + 63) / 64 * 64;
    input->height = wanted->height;
    input->bytes = calloc(2 * input->height + 2, input->pitch);
    input->is_own = 1;
    wanted->inputBuffer = input;
    return OKAY;
}

static NVENCSTATUS drop_input(void *encoder, void *dropped) {
    Input *input = dropped;
    (void)encoder;
    if (input->is_own) free(input->bytes);
    free(input);
    return OKAY;
}

static NVENCSTATUS lock_input(void *encoder, NV_ENC_LOCK_INPUT_BUFFER *wanted) {
    Input *input = wanted->inputBuffer;
    (void)encoder;
    wanted->bufferDataPtr = input->bytes;
    wanted->pitch = input->pitch;
    note_upload();
    return OKAY;
}

static NVENCSTATUS unlock(void *encoder, void *locked) { (void)encoder, (void)locked; return OKAY; }

static NVENCSTATUS take_input(void *session, NV_ENC_REGISTER_RESOURCE *given) {
    Encoder *encoder = session;
    Input *input = calloc(1, sizeof *input);
    *input = (Input){given->resourceToRegister, given->pitch, given->height, given->bufferFormat, 0};
    encoder->format = given->bufferFormat;
    given->registeredResource = input;
    return OKAY;
}

static NVENCSTATUS map_input(void *encoder, NV_ENC_MAP_INPUT_RESOURCE *wanted) {
    (void)encoder;
    wanted->mappedResource = wanted->registeredResource;
    wanted->mappedBufferFmt = ((Input *)wanted->registeredResource)->format;
    return OKAY;
}

static NVENCSTATUS make_output(void *encoder, NV_ENC_CREATE_BITSTREAM_BUFFER *wanted) {
    (void)encoder;
    wanted->bitstreamBuffer = calloc(1, sizeof(Output));
    return OKAY;
}

static NVENCSTATUS drop_output(void *encoder, void *dropped) {
    Output *output = dropped;
    (void)encoder;
    free(output->bytes);
    free(output);
    return OKAY;
}

static NVENCSTATUS encode(void *session, NV_ENC_PIC_PARAMS *picture) {
    if (picture->encodePicFlags & NV_ENC_PIC_FLAG_EOS) return OKAY;
    Output *output = picture->outputBitstream;
    output->size = 0;
    output->time = picture->inputTimeStamp;
    write_parameters(session, output);
    write_picture(session, picture->inputBuffer, output);
    return OKAY;
}

static NVENCSTATUS lock_output(void *encoder, NV_ENC_LOCK_BITSTREAM *wanted) {
    const Output *output = wanted->outputBitstream;
    (void)encoder;
    wanted->bitstreamBufferPtr = output->bytes;
    wanted->bitstreamSizeInBytes = output->size;
    wanted->outputTimeStamp = output->time;
    wanted->pictureType = NV_ENC_PIC_TYPE_IDR;
    return OKAY;
}

static NVENCSTATUS set_streams(void *encoder, void *input, void *output) { (void)encoder, (void)input, (void)output; return OKAY; }
static NVENCSTATUS reconfigure(void *encoder, NV_ENC_RECONFIGURE_PARAMS *settings) { (void)encoder, (void)settings; return OKAY; }
static NVENCSTATUS close_session(void *encoder) { free(encoder); return OKAY; }
static const char *tell_error(void *encoder) { (void)encoder; return "the grey encoder failed"; }

NVENCSTATUS NvEncodeAPIGetMaxSupportedVersion(uint32_t *version) { *version = 0xff0; return OKAY; }

NVENCSTATUS NvEncodeAPICreateInstance(NV_ENCODE_API_FUNCTION_LIST *calls) {
    calls->nvEncOpenEncodeSessionEx = open_session;
    calls->nvEncGetEncodeGUIDCount = count_codecs;
    calls->nvEncGetEncodeGUIDs = list_codecs;
    calls->nvEncGetEncodeCaps = tell_ability;
    calls->nvEncGetEncodePresetConfigEx = tell_preset;
    calls->nvEncInitializeEncoder = initialise;
    calls->nvEncGetSequenceParams = tell_parameters;
    calls->nvEncCreateInputBuffer = make_input;
    calls->nvEncDestroyInputBuffer = drop_input;
    calls->nvEncLockInputBuffer = lock_input;
    calls->nvEncUnlockInputBuffer = unlock;
    calls->nvEncRegisterResource = take_input;
    calls->nvEncUnregisterResource = drop_input;
    calls->nvEncMapInputResource = map_input;
    calls->nvEncUnmapInputResource = unlock;
    calls->nvEncCreateBitstreamBuffer = make_output;
    calls->nvEncDestroyBitstreamBuffer = drop_output;
    calls->nvEncEncodePicture = encode;
    calls->nvEncLockBitstream = lock_output;
    calls->nvEncUnlockBitstream = unlock;
    calls->nvEncSetIOCudaStreams = set_streams;
    calls->nvEncReconfigureEncoder = reconfigure;
    calls->nvEncDestroyEncoder = close_session;
    calls->nvEncGetLastErrorString = tell_error;
    return OKAY;
}
