#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

// A PNG that is read from memory. libpng reports errors by longjmp, which must not pass a Swift function: every call of
// it is in a function here, with its own setjmp. Those that can fail answer 0, with the reason in `message`.
struct trainer_png {
  png_structp png;
  png_infop info;
  jmp_buf jump;
  const uint8_t *next;
  size_t left;
  int ended_early;
  uint32_t width;
  uint32_t height;
  char message[200];
};

__attribute__((noreturn)) static inline void trainer_png_fail(png_structp png, png_const_charp message) {
  struct trainer_png *reader = (struct trainer_png *)png_get_error_ptr(png);
  snprintf(reader->message, sizeof reader->message, "%s", message);
  longjmp(reader->jump, 1);
}

static inline void trainer_png_be_silent(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static inline void trainer_png_read(png_structp png, png_bytep bytes, size_t count) {
  struct trainer_png *reader = (struct trainer_png *)png_get_io_ptr(png);
  if (count > reader->left) {
    reader->ended_early = 1;
    png_error(png, "premature end");
  }
  memcpy(bytes, reader->next, count);
  reader->next += count;
  reader->left -= count;
}

// Null without memory.
static inline struct trainer_png *trainer_png_create(void) {
  return (struct trainer_png *)calloc(1, sizeof(struct trainer_png));
}

// Reads up to the first pixels. The bytes must stay until `trainer_png_destroy`.
//
// All chunks are skipped, without being inflated or kept, that the pixels do not depend on.
static inline int trainer_png_read_header(struct trainer_png *reader, const void *bytes, size_t count) {
  reader->next = (const uint8_t *)bytes;
  reader->left = count;
  if (setjmp(reader->jump)) return 0;
  snprintf(reader->message, sizeof reader->message, "out of memory");
  reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, trainer_png_fail, trainer_png_be_silent);
  if (!reader->png) return 0;
  reader->info = png_create_info_struct(reader->png);
  if (!reader->info) return 0;
  // Whoever calls has stricter limits, and better words for them.
  png_set_user_limits(reader->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_read_fn(reader->png, reader, trainer_png_read);
  png_read_info(reader->png, reader->info);
  reader->width = png_get_image_width(reader->png, reader->info);
  reader->height = png_get_image_height(reader->png, reader->info);
  return 1;
}

// Writes width x height x 3 bytes of red, green and blue: of 16 bits the high 8, of fewer than 8 as many as there are,
// spread over 0 to 255, and without the transparency.
static inline int trainer_png_decode(struct trainer_png *reader, uint8_t *pixels) {
  if (setjmp(reader->jump)) return 0;
  png_set_strip_16(reader->png);
  png_set_palette_to_rgb(reader->png);
  png_set_expand_gray_1_2_4_to_8(reader->png);
  png_set_gray_to_rgb(reader->png);
  png_set_strip_alpha(reader->png);
  int passes = png_set_interlace_handling(reader->png);
  png_read_update_info(reader->png, reader->info);
  size_t row_bytes = png_get_rowbytes(reader->png, reader->info);
  if (row_bytes != (size_t)reader->width * 3) {
    snprintf(reader->message, sizeof reader->message, "its rows have %zu bytes", row_bytes);
    return 0;
  }
  for (int pass = 0; pass < passes; pass++) {
    for (uint32_t row = 0; row < reader->height; row++) {
      png_read_row(reader->png, pixels + row * row_bytes, NULL);
    }
  }
  png_read_end(reader->png, NULL);
  return 1;
}

static inline void trainer_png_destroy(struct trainer_png *reader) {
  if (reader->png) png_destroy_read_struct(&reader->png, &reader->info, NULL);
  free(reader);
}

// An upper bound of what `trainer_png_write` writes.
static inline size_t trainer_png_write_bound(uint32_t width, uint32_t height) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  return PNG_IMAGE_PNG_SIZE_MAX(image);
}

// Writes a PNG of width x height x 3 bytes of red, green and blue into `bytes`, `*count` at most, and says how many. No
// jump leaves what is called here: this part of libpng catches its own.
static inline int trainer_png_write(
    const uint8_t *pixels, uint32_t width, uint32_t height, void *bytes, size_t *count, char message[64]) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = *count;
  int written = png_image_write_to_memory(&image, bytes, &size, 0, pixels, 0, NULL);
  snprintf(message, 64, "%s", image.message);
  *count = size;
  png_image_free(&image);
  return written;
}
