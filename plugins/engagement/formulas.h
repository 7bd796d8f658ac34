/* The open formulas of engagement: pure functions of counts and times. A component that was not offered is NAN, and does not
 * count. Any thread. docs/design/engagement.md has them with examples. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What makes up the overall score, each 0 to 1. */
typedef enum
{
  ENGAGEMENT_ON_PAGE,
  ENGAGEMENT_PARTICIPATION,
  ENGAGEMENT_RESPONSE,
  ENGAGEMENT_ACCURACY,
  ENGAGEMENT_COMPONENTS,
} EngagementComponent;

/* By what a student may take part. */
typedef enum
{
  ENGAGEMENT_CHAT,
  ENGAGEMENT_HAND,
  ENGAGEMENT_REACTION,
  ENGAGEMENT_POLL,
  ENGAGEMENT_SIGNALS,
} EngagementSignal;

typedef struct
{
  double weight;
  double cap; /* so many count as all of it */
} EngagementSignalRule;

/* "on_page", "chat": as in the documents. */
const char *engagement_component_name (EngagementComponent component);
const char *engagement_signal_name (EngagementSignal signal);

/* A = on page / (watched − lost). Microseconds. NAN when nothing is left to hold it against. */
double engagement_on_page (int64_t on_page_us, int64_t watched_us, int64_t lost_us);
/* P = Σ wᵢ · min(xᵢ/capᵢ, 1) / Σ wᵢ over the signals whose bit (1 << signal) is in @offered and whose weight is not 0. */
double engagement_participation (const EngagementSignalRule rules[ENGAGEMENT_SIGNALS], const double counts[ENGAGEMENT_SIGNALS],
                                 unsigned offered);
/* R = answered / asked; NAN when nothing was asked. */
double engagement_response (unsigned answered, unsigned asked);
/* Q = (right + 2 · mean) / (graded + 2); NAN when fewer than two were graded. @mean: of the class, 0 to 1. */
double engagement_accuracy (unsigned right, unsigned graded, double mean);
/* E = 100 · Σ w·m / Σ w over the components that are not NAN; NAN when there is none. */
double engagement_overall (const double components[ENGAGEMENT_COMPONENTS], const double weights[ENGAGEMENT_COMPONENTS]);

/* An exponentially weighted mean over time with the time constant @tau_us: a sample that stands for @step_us has the share
 * 1 − exp(−step/tau). @mean NAN: the first sample is the mean. */
double engagement_ewma (double mean, double sample, int64_t step_us, int64_t tau_us);

/* One student's share in the class's confusion: max(2^(−since/half-life) while lost, @chat, @wrong).
 * @since_lost_us: since the button was pressed; negative: it is not. */
double engagement_confusion (int64_t since_lost_us, int64_t half_life_us, double chat, double wrong);
