/* A teacher's request about a session: its document is fetched, and the right to it checked, before it goes on. */
#pragma once

#include "classroom.h"

typedef struct _AskedSession AskedSession;
struct _AskedSession
{
  Classroom *classroom;
  AirRequest *request;
  char *session_id;
  JsonNode *document;
  bool again; /* it was read a second time */
  void (*next) (AskedSession *asked);
};

/* @next gets @asked (transfer full), and replies. */
void ask_session (Classroom *classroom, AirRequest *request, void (*next) (AskedSession *asked));
void asked_session_free (AskedSession *asked);
/* Calls its `next` again, with what the store has now. */
void asked_session_read_again (AskedSession *asked);
/* (transfer full) as answers have a session, with what is known of it now. */
JsonNode *session_describe (Classroom *classroom, JsonNode *document);
