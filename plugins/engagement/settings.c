/* See settings.h. */
#include "settings.h"

#define LIVE .flags = AIR_OPTION_FLAG_LIVE

const AirOption engagement_options[] = {
  { "interval", AIR_OPTION_DURATION, "5 s", 5000, 60000,
    .help = "How often the figures are computed anew and sent to teachers, as far as they changed." },
  { "save_interval", AIR_OPTION_DURATION, "1 min", 5000, 600000,
    .help = "How often the figures are written to the store: so much a crash of the server can cost." },
  { "first_score", AIR_OPTION_DURATION, "5 min", 0, 3600000,
    .help = "How long a student must have been present before there is a score.", LIVE },
  { "playback_timeout", AIR_OPTION_DURATION, "35 s", 20000, 600000,
    .help = "A page that was being watched and tells nothing for longer than this has lost its network; that time counts "
            "neither for nor against its student. Pages tell every 15 s.", LIVE },
  { "chat_cap", AIR_OPTION_INT, "5", 1, 1000, .unit = "messages", .help = "So many chat messages are full participation.", LIVE },
  { "hand_cap", AIR_OPTION_INT, "2", 1, 1000, .unit = "times", .help = "So many raised hands are full participation.", LIVE },
  { "reaction_cap", AIR_OPTION_INT, "5", 1, 1000, .unit = "reactions", .help = "So many reactions are full participation.", LIVE },
  { "poll_cap", AIR_OPTION_INT, "3", 1, 1000, .unit = "polls",
    .help = "So many answered polls are full participation; where fewer were asked, all of them.", LIVE },
  { "chat_weight", AIR_OPTION_INT, "25", 0, 100, .help = "Weight of chat in participation; 0: chat does not count.", LIVE },
  { "hand_weight", AIR_OPTION_INT, "25", 0, 100, .help = "Weight of raised hands in participation; 0: they do not count.", LIVE },
  { "reaction_weight", AIR_OPTION_INT, "25", 0, 100, .help = "Weight of reactions in participation; 0: they do not count.", LIVE },
  { "poll_weight", AIR_OPTION_INT, "25", 0, 100, .help = "Weight of polls in participation; 0: they do not count.", LIVE },
  { "trend_short", AIR_OPTION_DURATION, "5 min", 10000, 7200000, .help = "Time constant of the quick mean of the trend.", LIVE },
  { "trend_long", AIR_OPTION_DURATION, "15 min", 10000, 14400000, .help = "Time constant of the slow mean of the trend.", LIVE },
  { "trend_limit", AIR_OPTION_INT, "10", 1, 100, .unit = "points",
    .help = "A student whose trend is beyond this, up or down, is flagged.", LIVE },
  { "confusion_half_life", AIR_OPTION_DURATION, "2 min", 1000, 3600000,
    .help = "After this time a pressed \"I'm lost\" counts half.", LIVE },
  { "confusion_hold", AIR_OPTION_DURATION, "3 min", 1000, 3600000,
    .help = "How long a chat message that tells of confusion, and a wrong answer, count.", LIVE },
  { "confusion_chat", AIR_OPTION_INT, "60", 0, 100, .unit = "%", .help = "What such a chat message counts, against the button.", LIVE },
  { "confusion_wrong", AIR_OPTION_INT, "50", 0, 100, .unit = "%", .help = "What a wrong answer counts, against the button.", LIVE },
  { "confusion_words", AIR_OPTION_LIST,
    "don't understand, dont understand, do not understand, don't get it, dont get it, confused, confusing, i'm lost, im lost, i am lost, "
    "no idea, can't follow, cannot follow, 모르겠, 이해가 안, 이해 안, 이해를 못, 이해 못, 헷갈, 무슨 말, 못 따라",
    .help = "A chat message with one of these tells of confusion.", LIVE },
  { "alert_minimum", AIR_OPTION_INT, "3", 1, 1000, .unit = "students",
    .help = "The class's confusion must reach at least this for an alert.", LIVE },
  { "alert_share", AIR_OPTION_INT, "20", 1, 100, .unit = "%",
    .help = "And this share of those present.", LIVE },
  { "clear_share", AIR_OPTION_INT, "10", 0, 100, .unit = "%",
    .help = "The alert is over when the confusion is below this share of those present.", LIVE },
  { "cool_down", AIR_OPTION_DURATION, "3 min", 0, 3600000,
    .help = "From the beginning of an alert to that of the next at least this long.", LIVE },
  { "max_students", AIR_OPTION_INT, "2000", 1, 10000, .unit = "students",
    .help = "For so many students of one session figures are kept.", LIVE },
  { NULL },
};

static const char *const caps[ENGAGEMENT_SIGNALS] = { "chat_cap", "hand_cap", "reaction_cap", "poll_cap" };
static const char *const weights[ENGAGEMENT_SIGNALS] = { "chat_weight", "hand_weight", "reaction_weight", "poll_weight" };

static int64_t
microseconds (AirContext *context, const char *key)
{
  return air_context_get_int (context, key) * 1000;
}

static double
share (AirContext *context, const char *key)
{
  return (double)air_context_get_int (context, key) / 100;
}

void
engagement_settings_read (EngagementSettings *settings, AirContext *context)
{
  for (unsigned i = 0; i < ENGAGEMENT_SIGNALS; i++)
    settings->signals[i] = (EngagementSignalRule){ .weight = share (context, weights[i]),
                                                   .cap = (double)air_context_get_int (context, caps[i]) };
  settings->first_score_us = microseconds (context, "first_score");
  settings->playback_timeout_us = microseconds (context, "playback_timeout");
  settings->trend_short_us = microseconds (context, "trend_short");
  settings->trend_long_us = microseconds (context, "trend_long");
  settings->trend_limit = (double)air_context_get_int (context, "trend_limit");
  settings->half_life_us = microseconds (context, "confusion_half_life");
  settings->hold_us = microseconds (context, "confusion_hold");
  settings->chat_share = share (context, "confusion_chat");
  settings->wrong_share = share (context, "confusion_wrong");
  settings->alert_minimum = (double)air_context_get_int (context, "alert_minimum");
  settings->alert_share = share (context, "alert_share");
  settings->clear_share = share (context, "clear_share");
  settings->cool_down_us = microseconds (context, "cool_down");
  settings->max_students = (unsigned)air_context_get_int (context, "max_students");
}
