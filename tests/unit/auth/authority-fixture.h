/* An open authority with a clock and secrets of the test's own, and what is asked of it again and again. */
#pragma once

#include <airclass/error.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "auth/authority-private.h"
#include "auth/token.h"

#define HOUR_S 3600
#define SECRET "0123456789abcdef0123456789abcdef"
#define TEACHER_KEY "teacher-key-of-the-test"
#define STREAM_KEY "stream-key-of-the-test"

extern int64_t fixture_clock_us;            /* both clocks */
extern const char *fixture_trusted_address; /* NULL: none */

typedef struct
{
  AirAuthority *authority;
  GInetAddress *address; /* of a stranger */
} Fixture;

void set_up (Fixture *fixture, const void *admin_key);
void tear_down (Fixture *fixture, const void *data);

AirTokenRequest want (Fixture *fixture, AirRole role, AirAction action, const char *key);
/* With the teacher's key. (transfer full) */
char *get_token (Fixture *fixture, AirRole role, AirAction action, const char *class_id);

#define ALLOWED (-1)
/* ALLOWED, else the error's code. */
int issue (Fixture *fixture, const AirTokenRequest *request);
int authorize (Fixture *fixture, const AirAccess *access);
int use (Fixture *fixture, AirAction action, const char *path, const char *token, const char *key);
