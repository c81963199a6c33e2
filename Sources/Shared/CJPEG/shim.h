// libjpeg has its own idea of the header's order: stdio.h first.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <jpeglib.h>

#include <jerror.h>

// 2001005 of libjpeg-turbo 2.1.5; 0 of another libjpeg.
static inline int trainer_jpeg_turbo_version(void) {
#ifdef LIBJPEG_TURBO_VERSION_NUMBER
  return LIBJPEG_TURBO_VERSION_NUMBER;
#else
  return 0;
#endif
}

// A JPEG that is read from memory. libjpeg reports errors by longjmp, which must not pass a Swift function: every call
// of it is in a function here, with its own setjmp. Those that can fail answer 0, with the reason in `message`.
struct trainer_jpeg {
  struct jpeg_decompress_struct decoder;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  int scan_limit;
  int ended_early;
  char message[JMSG_LENGTH_MAX];
};

__attribute__((noreturn)) static inline void trainer_jpeg_fail(j_common_ptr decoder) {
  struct trainer_jpeg *jpeg = (struct trainer_jpeg *)decoder->client_data;
  decoder->err->format_message(decoder, jpeg->message);
  longjmp(jpeg->jump, 1);
}

// Warnings after which pixels would be made up are errors. The others are of files that everybody shows as they are:
// bytes too many before a marker, parameters that nobody needs.
static inline void trainer_jpeg_warn(j_common_ptr decoder, int level) {
  if (level >= 0) return;
  switch (decoder->err->msg_code) {
  case JWRN_ADOBE_XFORM:
  case JWRN_EXTRANEOUS_DATA:
  case JWRN_JFIF_MAJOR:
  case JWRN_NOT_SEQUENTIAL: return;
  case JWRN_JPEG_EOF: ((struct trainer_jpeg *)decoder->client_data)->ended_early = 1; trainer_jpeg_fail(decoder);
  default: trainer_jpeg_fail(decoder);
  }
}

static inline void trainer_jpeg_be_silent(j_common_ptr decoder) { (void)decoder; }

// A scan of a few bytes costs the time of a whole image, and a small file can have thousands.
static inline void trainer_jpeg_count_scans(j_common_ptr decoder) {
  struct trainer_jpeg *jpeg = (struct trainer_jpeg *)decoder->client_data;
  if (jpeg->decoder.input_scan_number > jpeg->scan_limit) {
    snprintf(jpeg->message, sizeof jpeg->message, "more than %d scans", jpeg->scan_limit);
    longjmp(jpeg->jump, 1);
  }
}

// Null without memory.
static inline struct trainer_jpeg *trainer_jpeg_create(int scan_limit) {
  struct trainer_jpeg *jpeg = (struct trainer_jpeg *)calloc(1, sizeof(struct trainer_jpeg));
  if (jpeg) jpeg->scan_limit = scan_limit;
  return jpeg;
}

// Reads up to the first scan. The bytes must stay until `trainer_jpeg_destroy`.
static inline int trainer_jpeg_read_header(struct trainer_jpeg *jpeg, const void *bytes, size_t count) {
  jpeg->decoder.err = jpeg_std_error(&jpeg->errors);
  jpeg->decoder.client_data = jpeg;
  jpeg->errors.error_exit = trainer_jpeg_fail;
  jpeg->errors.emit_message = trainer_jpeg_warn;
  jpeg->errors.output_message = trainer_jpeg_be_silent;
  if (setjmp(jpeg->jump)) return 0;
  jpeg_create_decompress(&jpeg->decoder);
  jpeg->progress.progress_monitor = trainer_jpeg_count_scans;
  jpeg->decoder.progress = &jpeg->progress;
  jpeg_mem_src(&jpeg->decoder, (const unsigned char *)bytes, (unsigned long)count);
  jpeg_save_markers(&jpeg->decoder, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&jpeg->decoder, TRUE);
  return 1;
}

// What the first Exif marker has behind its name, or null.
static inline const uint8_t *trainer_jpeg_exif(const struct trainer_jpeg *jpeg, size_t *count) {
  for (jpeg_saved_marker_ptr marker = jpeg->decoder.marker_list; marker; marker = marker->next) {
    if (marker->data_length > 6 && !memcmp(marker->data, "Exif\0", 6)) {
      *count = marker->data_length - 6;
      return marker->data + 6;
    }
  }
  return NULL;
}

// Writes width x height x 3 bytes of red, green and blue: of the image's size divided by 1, 2, 4 or 8, rounded up.
//
// Four inks are taken as Adobe has them, inverted, and mixed as Pillow does.
static inline int trainer_jpeg_decode(
    struct trainer_jpeg *jpeg, unsigned reduction, uint8_t *pixels, size_t width, size_t height) {
  struct jpeg_decompress_struct *decoder = &jpeg->decoder;
  if (setjmp(jpeg->jump)) return 0;
  int has_inks = decoder->jpeg_color_space == JCS_CMYK || decoder->jpeg_color_space == JCS_YCCK;
  decoder->out_color_space = has_inks ? JCS_CMYK : JCS_RGB;
  decoder->scale_num = 1;
  decoder->scale_denom = reduction;
  jpeg_start_decompress(decoder);
  if (decoder->output_width != width || decoder->output_height != height ||
      decoder->output_components != (has_inks ? 4 : 3)) {
    snprintf(jpeg->message, sizeof jpeg->message, "it has %u x %u pixels of %d bytes", decoder->output_width,
             decoder->output_height, decoder->output_components);
    return 0;
  }
  JSAMPROW inks = has_inks ? (JSAMPROW)decoder->mem->alloc_large((j_common_ptr)decoder, JPOOL_IMAGE, 4 * width) : NULL;
  while (decoder->output_scanline < height) {
    uint8_t *to = pixels + (size_t)decoder->output_scanline * width * 3;
    JSAMPROW row = has_inks ? inks : to;
    // A source in memory never asks for patience: always a row, or an error.
    if (jpeg_read_scanlines(decoder, &row, 1) != 1) return 0;
    for (size_t pixel = 0; has_inks && pixel < width; pixel++) {
      unsigned light = inks[4 * pixel + 3];
      for (size_t color = 0; color < 3; color++) {
        unsigned product = (255u - inks[4 * pixel + color]) * light + 128;
        to[3 * pixel + color] = (uint8_t)(light - (((product >> 8) + product) >> 8));
      }
    }
  }
  jpeg_finish_decompress(decoder);
  return 1;
}

static inline void trainer_jpeg_destroy(struct trainer_jpeg *jpeg) {
  // Destroying reports nothing; before the decoder is created, there is nothing to destroy.
  if (jpeg->decoder.mem) jpeg_destroy_decompress(&jpeg->decoder);
  free(jpeg);
}
