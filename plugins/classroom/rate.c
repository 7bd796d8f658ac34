/* A token bucket. */
#include "rate.h"

bool
rate_take (Rate *rate, unsigned per_minute, int64_t now_us)
{
  double most = per_minute;
  double regained = rate->at_us != 0 ? (double)MAX (now_us - rate->at_us, 0) / G_USEC_PER_SEC * most / 60 : most;
  rate->tokens = MIN (most, rate->tokens + regained);
  rate->at_us = MAX (now_us, 1);
  if (rate->tokens < 1)
    return false;
  rate->tokens -= 1;
  return true;
}
