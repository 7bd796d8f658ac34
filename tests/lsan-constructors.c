/* Not part of the product: tells LeakSanitizer what libraries keep for the life of the process and what looks like a leak. Without
 * this, such leaks could only be told from ours by their stacks, and unwinding those takes most of a sanitized server's time. */
#include <glib.h>
#include <sanitizer/lsan_interface.h>

/* GLib's g_quark_from_string() makes a larger table after each so many quarks, and abandons the one before. */
#define QUARKS_PER_BLOCK 2048u

/* Whether this is the size of the table that is made when all that there are fill theirs. */
static int
is_quark_table (size_t size)
{
  size_t count = size / sizeof (char *);
  return size % (QUARKS_PER_BLOCK * sizeof (char *)) == 0 && count > QUARKS_PER_BLOCK && count < G_MAXUINT32
         && g_quark_to_string ((GQuark)(count - QUARKS_PER_BLOCK - 1)) != NULL
         && g_quark_to_string ((GQuark)(count - QUARKS_PER_BLOCK)) == NULL;
}

/* Called by the sanitizer for each block, where a program has it (sanitizer/allocator_interface.h). */
void __sanitizer_malloc_hook (const volatile void *block, size_t size);

void
__sanitizer_malloc_hook (const volatile void *block, size_t size)
{
  if (is_quark_table (size))
    __lsan_ignore_object ((const void *)block);
}

static void
look_away (void)
{
  __lsan_disable ();
}

/* The last of the constructors: the program's own run after those of its libraries. */
__attribute__ ((constructor)) static void
look_again (void)
{
  __lsan_enable ();
}

__attribute__ ((section (".preinit_array"), used)) static void (*const before_constructors) (void) = look_away;
