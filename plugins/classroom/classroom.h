/* What the files of the classroom share: the plugin's state, a class in memory, a person, a socket. Main thread.
 *
 * Owned from the top: a Classroom has its Rooms, a Room its Members and its run (Session). A Client belongs to its socket and is only
 * referred to by the room that it has entered. */
#pragma once

#include <airclass/airclass.h>

#include "bans.h"
#include "rate.h"
#include "ring.h"

typedef struct _Room Room;
typedef struct _Member Member;
typedef struct _Client Client;

/* What kind of page a socket belongs to: an index. */
typedef enum
{
  KIND_STUDENT,
  KIND_MONITOR,
  KIND_TEACHER,
  KINDS,
} Kind;

typedef struct
{
  AirContext *context;
  AirStore *store;
  AirBroker *broker;       /* NULL: no other nodes */
  AirClassroom *service;   /* what other plugins see */
  AirSchemas *schemas;     /* of the OpenAPI document */
  JsonNode *document;      /* the OpenAPI document */
  GHashTable *rooms;       /* class_id → Room, owned */
  GHashTable *messages;    /* type → registration, owned (dispatch.c) */
  GArray *snapshots;       /* of SnapshotPart (snapshot.c) */
  GPtrArray *clients;      /* (element-type Client) all that are open, borrowed */
  GHashTable *held_ids;    /* "class user" → Holding (admission.c) */
  GHashTable *deleted;     /* class_id → int64_t, owned: when a class with that id was deleted (deletion.c) */
  char *node_id;           /* of this server, the same after a restart */
  int64_t started_us;      /* monotonic: classes and sessions have been read */
  int64_t heartbeat_us;    /* the last one; monotonic */
  unsigned writes;         /* that have not come back */
  GTask *stop_task;        /* answered when they have; NULL: the plugin runs */
  bool store_failed;       /* the last write failed: told once */
  AirMetric *sockets, *members_present, *chat, *refused;
} Classroom;

/* One live run. */
typedef struct
{
  char *session_id;
  char *title;
  int64_t started_us;               /* wall clock */
  int64_t anchor_us, anchor_mono_us; /* one moment by the wall clock and by the monotonic one: times of the run are counted from it */
  unsigned peak, messages, hands, reactions;
  int64_t unattended_us;            /* monotonic: since when neither teacher nor picture is there; 0: one of them is */
  int64_t left_us;                  /* wall clock: when it was seen last, before no server was there for too long; 0: it goes on */
  int64_t ended_us;                 /* wall clock: its time stands still from then on, while the end is written; 0: it runs */
} Session;

struct _Room
{
  Classroom *classroom;
  char *class_id;
  char *path;            /* of the stream */
  JsonNode *document;    /* of the collection `classes` */
  Session *session;      /* NULL: no run */
  GHashTable *members;   /* key (member_key()) → Member, owned */
  GPtrArray *clients[KINDS]; /* (element-type Client) in the room, borrowed */
  GHashTable *elsewhere; /* user_id set: students on other nodes who are not here, by the broker */
  Ring ring;
  GQueue chat;           /* of JsonNode, the last messages as a snapshot has them, oldest first */
  size_t chat_bytes;
  Bans bans;             /* from the document */
  JsonArray *banned;     /* of which they were made; NULL: none */
  GHashTable *muted;     /* user_id set */
  GQueue changes;        /* of the document, the first is being written (changes.c) */
  GHashTable *reactions; /* name → count since the last tick */
  unsigned present;      /* students of this node with a socket */
  unsigned told_size;    /* the roster size that was told last */
  int64_t size_told_us;  /* monotonic */
  unsigned teachers_elsewhere; /* on other nodes, by the broker */
  bool presence_changed;   /* the broker's list is to be asked for */
  bool unsaved;            /* hands or counts of the run have changed since they were written */
  bool starting, closing;  /* the beginning or the end of a run is being written */
  bool deleting;           /* nobody comes in any more */
  AirClassInfo info;
};

struct _Member
{
  AirClassMember info; /* first: handlers get a pointer to it */
  Room *room;
  char *user_id, *name;
  char *token_name;       /* the name that the last token had; NULL: none. A page that comes back keeps what it was renamed to */
  GPtrArray *clients;     /* (element-type Client) borrowed */
  bool hand, lost;
  int64_t chat_us;        /* monotonic: the last message, for slow mode; 0: none */
  GHashTable *rates;      /* type → Rate */
  char *address;          /* the last one seen; NULL: none */
  char *attendance_id;    /* of the open stay; NULL: none */
  int64_t joined_mono_us; /* when the first socket came; monotonic */
};

struct _Client
{
  Classroom *classroom;
  AirSocket *socket;     /* borrowed: a client is the socket's data */
  Kind kind;
  Room *room;            /* NULL until the token is there */
  Member *member;
  AirIdentity *identity; /* NULL likewise */
  int64_t deadline_us;   /* for the token; monotonic */
  Rate rate;
  GHashTable *reports;   /* type → what it said last (combine.c); NULL: nothing */
};

#define CHAT_TAIL 100
#define CHAT_TAIL_BYTES (64 * 1024)

/* ---- room.c */
/* Returns: (transfer container) the values, in no order. */
GPtrArray *table_list_values (GHashTable *table);
Room *room_new (Classroom *classroom, JsonNode *document); /* @document: (transfer full) */
void room_free (Room *room);
Room *room_find (Classroom *classroom, const char *class_id);
Room *room_find_session (Classroom *classroom, const char *session_id);
/* @document: (transfer full); the bans and the settings are read anew. */
void room_set_document (Room *room, JsonNode *document);
/* Begins or ends a run in memory. @session: (transfer full) (nullable) */
void room_set_session (Room *room, Session *session);
void session_free (Session *session);
/* A moment of the run by the wall clock that cannot jump within it, and is not after its end. */
int64_t session_now_us (const Session *session);
const AirClassInfo *room_get_info (Room *room);
/* Nobody has a page of it open on this node. */
bool room_is_empty (const Room *room);
/* Distinct students who are there, on all nodes. */
unsigned room_count_students (Room *room);
bool room_setting_bool (Room *room, const char *name, bool otherwise);
int64_t room_setting_int (Room *room, const char *name, int64_t otherwise);
/* Of what was said, for snapshots. @message: (transfer full) */
void room_add_chat (Room *room, JsonNode *message);
bool room_remove_chat (Room *room, const char *message_id);

/* (transfer full) the settings, for whoever will change them. */
JsonNode *room_copy_settings (Room *room);

/* ---- changes.c: of a class's document */
typedef struct
{
  /* Returns: (transfer full) the members to be set, null for those to go; NULL with @error: nothing is changed. Asked when all earlier
   * changes are done. */
  JsonNode *(*prepare) (Room *room, void *data, GError **error);
  /* The store has it, and the document in memory too; or there is an @error, and nothing has changed. @room: NULL when the class is gone
   * (then there is an error). Frees @data. */
  void (*done) (Room *room, void *data, const GError *error);
} ChangeKind;
void room_change (Room *room, const ChangeKind *kind, void *data);
void room_drop_changes (Room *room);

/* ---- member.c */
Member *member_ensure (Room *room, Kind kind, const char *user_id, const char *name, AirRole role);
Member *member_find (Room *room, Kind kind, const char *user_id);
/* A student of that id, else a teacher, else a monitor. */
Member *member_find_any (Room *room, const char *user_id);
void member_free (Member *member);
void member_set_name (Member *member, const char *name);
Kind kind_of_role (AirRole role);
bool member_is_here (const Member *member);
/* In a run those who left stay known; else they are forgotten, at once or with others. @left: the one who has left just now; NULL: all are
 * looked at. */
void room_forget_absent (Room *room, Member *left);

/* ---- send.c: @message (transfer full) gets `id` and `at` */
void room_send (Room *room, unsigned audience, JsonNode *message);
void room_send_to (Room *room, const char *user_id, JsonNode *message);
void client_reply (Client *client, JsonNode *message);
/* As the message @id; nothing is counted. */
void client_send_as (Client *client, int64_t id, JsonNode *message);
/* `error`; @ref may be NULL. */
void client_reply_error (Client *client, const char *ref, const char *problem, const char *detail);
unsigned kind_audience (Kind kind);

/* ---- sockets.c */
void classroom_add_sockets (AirContext *context);
/* Closes all sockets of a person, or of the room (@user_id NULL). */
void room_close_clients (Room *room, const char *user_id, unsigned short code, const char *reason);
void classroom_check_clients (Classroom *classroom, int64_t now_us);

/* ---- snapshot.c */
GArray *snapshot_parts_new (void);
void classroom_add_snapshot_part (Classroom *classroom, AirSnapshotWriter writer, void *self);
void classroom_remove_snapshot_parts (Classroom *classroom, void *self);
JsonNode *snapshot_build (Client *client);
/* (transfer full) the state document of the class's stream, without the publisher for whoever is no teacher. */
JsonNode *room_describe_stream (Room *room, bool for_teacher);
JsonNode *room_describe_session (Room *room);
void classroom_on_stream_state (AirEvent *event, void *self);

/* ---- dispatch.c */
void classroom_add_message (Classroom *classroom, const AirClassMessage *message, void *self);
void classroom_remove_parts (Classroom *classroom, void *self);
void client_take_message (Client *client, const char *text, size_t length);
/* One of several sockets of @member has closed, and with it what it had said (@reports, may be NULL). */
void member_report_again (Member *member, GHashTable *reports);
void classroom_reply (AirClassReply *reply, const GError *error, const char *problem); /* as air_classroom_reply() */

/* ---- combine.c: (transfer full) what the handler of @kind gets, now that @client has said @message; or after one of the person's sockets
 * has closed, NULL: the others have said nothing */
JsonNode *combine_take (Client *client, const AirClassMessage *kind, JsonNode *message, void *self);
JsonNode *combine_again (Member *member, const AirClassMessage *kind, void *self);

/* ---- presence.c: sockets come and go */
void presence_enter (Client *client);
void presence_leave (Client *client);
void classroom_on_presence (Classroom *classroom, const char *class_id);
/* Tells roster sizes that have changed, at most once a second. */
void presence_tick (Room *room, int64_t now_us);
JsonNode *member_describe (Member *member); /* as the roster has it */

/* ---- write.c: writes that nobody waits for; a fault is logged. (transfer full), @filter and @changes too */
void classroom_insert (Classroom *classroom, const char *collection, JsonNode *document);
void classroom_update (Classroom *classroom, const char *collection, JsonNode *filter, JsonNode *changes, AirStoreUpdateFlags flags);
/* One that somebody waits for: has to be ended, so that the plugin does not stop before. */
void classroom_begin_write (Classroom *classroom);
void classroom_end_write (Classroom *classroom);

/* ---- attendance.c: stays in the store */
void attendance_open (Member *member);
void attendance_close (Member *member);
void classroom_heartbeat (Classroom *classroom);

/* ---- chat.c, signals.c, moderation.c: messages of pages */
void classroom_add_chat_messages (Classroom *classroom);
void classroom_add_signal_messages (Classroom *classroom);
void classroom_add_moderation_messages (Classroom *classroom);
void chat_show (Room *room, JsonNode *document); /* of the collection `chat_messages` */
void chat_hide (Room *room, const char *message_id);
void signals_tick (Room *room);
void signals_save (Room *room);
void signals_show_hand (Member *member, bool up);
void signals_show_lost (Member *member, bool lost);
void signals_add_reaction (Room *room, const char *name);
bool room_has_banned (Room *room, const char *user_id, const char *family, const char *address);
void room_tell_chat_settings (Room *room);
/* Takes the bans of a document, and tells the core about those that are new or gone. */
void room_set_bans (Room *room, JsonArray *banned);
/* As it counts for bans: an IPv6 address by its /64. (transfer full) */
char *address_group (GInetAddress *address);

/* ---- access.c */
bool classroom_check (Classroom *classroom, AirIdentity *identity, const char *class_id, AirRole least, GError **error);
/* The same for a class that may be gone, whose sessions are kept. */
bool classroom_check_kept (AirIdentity *identity, const char *class_id, AirRole least, GError **error);
/* The same for a session's document, which may be of an earlier class with the same id: then it is not the later class's. */
bool classroom_check_session (Classroom *classroom, AirIdentity *identity, JsonNode *session, AirRole least, GError **error);

/* ---- admission.c */
bool classroom_admit (const AirAdmissionRequest *request, AirAdmitted *ret_admitted, void *self, GError **error);
void classroom_note_issued (AirIdentity *identity, void *self);
void classroom_hold_id (Classroom *classroom, const char *class_id, const char *user_id, int64_t until_s);
/* The same, for the holder of a student's token; its family is remembered. */
void classroom_hold_token (Classroom *classroom, const char *class_id, AirIdentity *identity);
/* (transfer none) of the tokens that are held for a user id, the newest last; NULL: none. */
char *const *classroom_get_held_families (Classroom *classroom, const char *class_id, const char *user_id, unsigned *ret_count);
void holding_free (void *holding);
void classroom_prune_held (Classroom *classroom, int64_t now_s);
/* Nobody holds a token of that class any more. */
void classroom_drop_held (Classroom *classroom, const char *class_id);

/* ---- service.c */
AirClassroom *classroom_service_new (Classroom *classroom);

/* ---- load.c */
void classroom_load (Classroom *classroom, GTask *task);
/* A class that another node changed: read anew. */
void classroom_reload_class (Classroom *classroom, const char *class_id);

/* ---- deletion.c */
void classroom_add_deletion_route (AirContext *context);
/* A class that another node deleted. */
void classroom_take_deletion (Classroom *classroom, const char *class_id);
/* A class is there: what was granted before it was is revoked. */
void room_revoke_earlier (Room *room);
/* Which classes were deleted, before any class is read; the result is a GTask's boolean. */
void classroom_read_deletions (Classroom *classroom, GAsyncReadyCallback callback, void *data);

/* ---- class-document.c */
char *class_new_pin (void);
char *class_new_secret (void);
/* Returns: (transfer full) a document; @pin, @teacher_id may be NULL, @settings (transfer none) too. */
JsonNode *class_document_new (const char *class_id, const char *title, const char *teacher_id, const char *pin, JsonNode *settings);

/* ---- session.c */
/* Ends the run without waiting for the store. @reason: "teacher", "abandoned", "class-deleted". */
void session_end (Room *room, const char *reason);
/* The run's time stands still, and stays are closed in the store: before the session itself, so that whoever knows of its end finds them. */
void session_stop (Room *room);
void session_go_on (Room *room); /* the store refused the end */
/* (transfer full) what is written to the session's document when it ends. */
JsonNode *session_end_changes (Room *room, const char *reason);
/* In memory: stays are closed, pages and the bus told. */
void session_finish (Room *room);
void session_forget (Room *room); /* the same, when another node has ended it and told the bus */
JsonNode *session_counts (Room *room); /* (transfer full) */
JsonNode *session_document_new (Room *room, const char *started_by); /* (transfer full) */
/* In memory, from its document. */
void session_begin (Room *room, JsonNode *document);
void session_tick (Room *room, int64_t now_us);
/* After a restart: @document is the session's, as it was left. */
void session_check_absence (Room *room, JsonNode *document);

/* ---- routes */
void classroom_add_class_routes (AirContext *context);
void classroom_add_session_routes (AirContext *context);
void classroom_add_report_routes (AirContext *context);

/* ---- shared.c: events of other nodes */
void classroom_watch_shared_events (AirContext *context);
