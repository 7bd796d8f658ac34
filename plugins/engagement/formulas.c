/* See formulas.h. */
#include "formulas.h"

#include <glib.h>
#include <math.h>

const char *
engagement_component_name (EngagementComponent component)
{
  static const char *const names[] = { "on_page", "participation", "response", "accuracy" };
  return names[component];
}

const char *
engagement_signal_name (EngagementSignal signal)
{
  static const char *const names[] = { "chat", "hand", "reaction", "poll" };
  return names[signal];
}

double
engagement_on_page (int64_t on_page_us, int64_t watched_us, int64_t lost_us)
{
  int64_t known_us = watched_us - lost_us;
  return known_us > 0 ? CLAMP ((double)on_page_us / (double)known_us, 0, 1) : NAN;
}

double
engagement_participation (const EngagementSignalRule rules[ENGAGEMENT_SIGNALS], const double counts[ENGAGEMENT_SIGNALS],
                          unsigned offered)
{
  double sum = 0, weights = 0;
  for (unsigned i = 0; i < ENGAGEMENT_SIGNALS; i++)
    if ((offered & 1u << i) != 0 && rules[i].cap > 0)
      {
        sum += rules[i].weight * MIN (counts[i] / rules[i].cap, 1);
        weights += rules[i].weight;
      }
  return weights > 0 ? sum / weights : NAN;
}

double
engagement_response (unsigned answered, unsigned asked)
{
  return asked > 0 ? MIN ((double)answered / asked, 1) : NAN;
}

double
engagement_accuracy (unsigned right, unsigned graded, double mean)
{
  return graded >= 2 ? (right + 2 * mean) / (graded + 2) : NAN;
}

double
engagement_overall (const double components[ENGAGEMENT_COMPONENTS], const double weights[ENGAGEMENT_COMPONENTS])
{
  double sum = 0, total = 0;
  for (unsigned i = 0; i < ENGAGEMENT_COMPONENTS; i++)
    if (!isnan (components[i]))
      {
        sum += weights[i] * components[i];
        total += weights[i];
      }
  return total > 0 ? 100 * sum / total : NAN;
}

double
engagement_ewma (double mean, double sample, int64_t step_us, int64_t tau_us)
{
  if (isnan (mean))
    return sample;
  return mean + (1 - exp (-(double)step_us / (double)tau_us)) * (sample - mean);
}

double
engagement_confusion (int64_t since_lost_us, int64_t half_life_us, double chat, double wrong)
{
  double button = since_lost_us >= 0 ? exp2 (-(double)since_lost_us / (double)half_life_us) : 0;
  return MAX (button, MAX (chat, wrong));
}
