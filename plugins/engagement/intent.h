/* Whether a chat message says that its writer does not follow. Pure. */
#pragma once

/* 1 when @text has one of @phrases (NULL-terminated), else 0: regardless of case, width, kind of apostrophe and spaces. */
double engagement_chat_intent (const char *text, const char *const *phrases);
