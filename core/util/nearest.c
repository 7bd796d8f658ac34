/* Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. */
#include "util/nearest.h"

#include <string.h>

/* Longer words come from nobody's keyboard; the bound keeps the rows on the stack. */
#define WORD_MAX 64

static unsigned
min3 (unsigned a, unsigned b, unsigned c)
{
  return MIN (a, MIN (b, c));
}

static unsigned
distance (const char *a, const char *b)
{
  size_t a_length = strlen (a), b_length = strlen (b);
  unsigned rows[3][WORD_MAX + 1];

  if (a_length > WORD_MAX || b_length > WORD_MAX)
    return G_MAXUINT;
  for (size_t j = 0; j <= b_length; j++)
    rows[0][j] = j;
  for (size_t i = 1; i <= a_length; i++)
    {
      unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];

      row[0] = i;
      for (size_t j = 1; j <= b_length; j++)
        {
          row[j] = min3 (above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
          if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            row[j] = MIN (row[j], above2[j - 2] + 1);
        }
    }
  return rows[a_length % 3][b_length];
}

const char *
air_nearest (const char *word, const GPtrArray *candidates)
{
  const char *best = NULL;
  unsigned least = MAX (2, strlen (word) / 3) + 1;

  for (unsigned i = 0; i < candidates->len; i++)
    {
      const char *candidate = g_ptr_array_index (candidates, i);
      unsigned d = distance (word, candidate);

      /* A word of which nothing is left is not near. */
      if (d < least && d < strlen (candidate))
        {
          least = d;
          best = candidate;
        }
    }
  return best;
}
