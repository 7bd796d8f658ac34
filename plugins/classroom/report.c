/* Gathers a session by student. */
#include "report.h"

#include <math.h>
#include <string.h>

#include "csv.h"
#include "intervals.h"

typedef struct
{
  const char *user_id; /* the table's key */
  char *name;
  GArray *stays; /* of Interval */
  bool present;
  unsigned messages, answered;
  double correct, points;
  GHashTable *answers;  /* quiz_id → JsonNode (borrowed from `kept`) */
  JsonNode *engagement; /* borrowed likewise; NULL: none */
} Student;

struct _Report
{
  JsonNode *session;
  GHashTable *students; /* user_id → Student */
  GPtrArray *questions; /* (element-type JsonNode) */
  GHashTable *anonymous; /* quiz_id (borrowed from `questions`) → number of answers, of the anonymous ones */
  GPtrArray *kept;      /* documents that the others borrow from */
};

static void
student_free (gpointer data)
{
  Student *student = data;
  g_free (student->name);
  g_array_unref (student->stays);
  g_hash_table_unref (student->answers);
  g_free (student);
}

Report *
report_new (JsonNode *session)
{
  Report *report = g_new0 (Report, 1);
  report->session = session;
  report->students = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, student_free);
  report->questions = g_ptr_array_new_with_free_func ((GDestroyNotify)json_node_unref);
  report->anonymous = g_hash_table_new (g_str_hash, g_str_equal);
  report->kept = g_ptr_array_new_with_free_func ((GDestroyNotify)json_node_unref);
  return report;
}

void
report_free (Report *report)
{
  g_hash_table_unref (report->students);
  g_hash_table_unref (report->anonymous);
  g_ptr_array_unref (report->questions);
  g_ptr_array_unref (report->kept);
  json_node_unref (report->session);
  g_free (report);
}

/* ---- Gathering */

static Student *
get_student (Report *report, const char *user_id, const char *name)
{
  if (user_id == NULL)
    return NULL;
  Student *student = g_hash_table_lookup (report->students, user_id);
  if (student == NULL)
    {
      char *key = g_strdup (user_id);
      student = g_new0 (Student, 1);
      student->user_id = key;
      student->name = g_strdup (name != NULL ? name : user_id);
      student->stays = g_array_new (FALSE, FALSE, sizeof (Interval));
      student->answers = g_hash_table_new (g_str_hash, g_str_equal);
      g_hash_table_insert (report->students, key, student);
    }
  return student;
}

void
report_add_stays (Report *report, GPtrArray *documents, Room *room)
{
  for (unsigned i = 0; i < documents->len; i++)
    {
      JsonNode *stay = documents->pdata[i];
      const char *user_id = air_json_get_string (stay, "user_id"), *name = air_json_get_string (stay, "name");
      Student *student = get_student (report, user_id, name);
      const Member *member = room != NULL ? member_find (room, KIND_STUDENT, user_id) : NULL;
      Interval interval = { air_time_from_string (air_json_get_string (stay, "joined_at")),
                            air_time_from_string (air_json_get_string (stay, "left_at")) };
      if (member != NULL && g_strcmp0 (member->attendance_id, air_json_get_string (stay, "attendance_id")) == 0)
        {
          interval.end_us = session_now_us (room->session);
          student->present = true;
        }
      g_free (student->name); /* the stays come in order: the last name counts */
      student->name = g_strdup (name);
      g_array_append_val (student->stays, interval);
    }
}

void
report_add_messages (Report *report, GPtrArray *documents)
{
  for (unsigned i = 0; i < documents->len; i++)
    {
      JsonNode *message = documents->pdata[i];
      if (g_strcmp0 (air_json_get_string (message, "role"), "student") == 0)
        get_student (report, air_json_get_string (message, "user_id"), air_json_get_string (message, "name"))->messages++;
    }
}

static int
compare_published (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (air_json_get_string (*(JsonNode *const *)a, "published_at"),
                    air_json_get_string (*(JsonNode *const *)b, "published_at"));
}

void
report_add_questions (Report *report, GPtrArray *documents)
{
  for (unsigned i = 0; i < documents->len; i++)
    {
      JsonNode *question = documents->pdata[i];
      if (air_json_get_string (question, "published_at") == NULL)
        continue;
      g_ptr_array_add (report->questions, json_node_ref (question));
      if (air_json_get_bool (question, "anonymous", false))
        g_hash_table_insert (report->anonymous, (char *)air_json_get_string (question, "quiz_id"), GUINT_TO_POINTER (0));
    }
  g_ptr_array_sort (report->questions, compare_published);
}

/* Those to anonymous questions bear names that are nobody's: they are counted, and in no student's row. */
void
report_add_answers (Report *report, GPtrArray *documents)
{
  for (unsigned i = 0; i < documents->len; i++)
    {
      JsonNode *answer = documents->pdata[i];
      const char *quiz_id = air_json_get_string (answer, "quiz_id");
      void *key = NULL, *count = NULL;
      if (quiz_id == NULL)
        continue;
      if (g_hash_table_lookup_extended (report->anonymous, quiz_id, &key, &count))
        {
          g_hash_table_insert (report->anonymous, key, GUINT_TO_POINTER (GPOINTER_TO_UINT (count) + 1));
          continue;
        }
      Student *student
        = get_student (report, air_json_get_string (answer, "student_id"), air_json_get_string (answer, "name"));
      if (student == NULL)
        continue;
      g_ptr_array_add (report->kept, json_node_ref (answer));
      g_hash_table_replace (student->answers, (char *)quiz_id, answer);
      student->answered++;
      student->correct += air_json_get_double (answer, "correct", 0);
      student->points += air_json_get_double (answer, "points", 0);
    }
}

void
report_add_engagement (Report *report, GPtrArray *documents)
{
  for (unsigned i = 0; i < documents->len; i++)
    {
      Student *student = get_student (report, air_json_get_string (documents->pdata[i], "student_id"), NULL);
      if (student == NULL)
        continue;
      g_ptr_array_add (report->kept, json_node_ref (documents->pdata[i]));
      student->engagement = documents->pdata[i];
    }
}

/* ---- Telling */

static int
compare_students (gconstpointer a, gconstpointer b)
{
  const Student *first = *(Student *const *)a, *second = *(Student *const *)b;
  int order = g_utf8_collate (first->name, second->name);
  return order != 0 ? order : strcmp (first->user_id, second->user_id);
}

static GPtrArray *
list_students (Report *report)
{
  GPtrArray *students = table_list_values (report->students);
  g_ptr_array_sort (students, compare_students);
  return students;
}

typedef struct
{
  int64_t present_us, first_us, last_us; /* first and last 0: was never there */
} Presence;

static Presence
get_presence (Student *student)
{
  Presence presence = { .present_us = intervals_unite (student->stays) };
  if (student->stays->len > 0)
    {
      presence.first_us = g_array_index (student->stays, Interval, 0).start_us;
      presence.last_us = g_array_index (student->stays, Interval, student->stays->len - 1).end_us;
    }
  return presence;
}

static JsonNode *
describe_attendance (Student *student)
{
  Presence presence = get_presence (student);
  JsonArray *stays = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  for (unsigned i = 0; i < student->stays->len; i++)
    {
      const Interval *stay = &g_array_index (student->stays, Interval, i);
      json_array_add_element (stays, air_json_new ("{joined_at:%t, left_at:%t}", stay->start_us, stay->end_us));
    }
  json_node_take_array (node, stays);
  return air_json_new ("{user_id:%s, name:%s, present:%b, present_ms:%l, joined_at:%t, left_at:%t, stays:%n}", student->user_id,
                       student->name, student->present, presence.present_us / 1000, presence.first_us, presence.last_us, node);
}

JsonNode *
report_attendance (Report *report)
{
  g_autoptr (GPtrArray) students = list_students (report);
  JsonArray *array = json_array_new ();
  for (unsigned i = 0; i < students->len; i++)
    json_array_add_element (array, describe_attendance (students->pdata[i]));
  JsonNode *node = air_json_new ("{session:%N}", report->session);
  json_object_set_array_member (json_node_get_object (node), "students", array);
  return node;
}

static JsonNode *
describe_student (Report *report, Student *student)
{
  JsonNode *node = describe_attendance (student);
  JsonObject *object = json_node_get_object (node), *answers = json_object_new ();
  for (unsigned i = 0; i < report->questions->len; i++)
    {
      const char *quiz_id = air_json_get_string (report->questions->pdata[i], "quiz_id");
      JsonNode *answer = g_hash_table_lookup (student->answers, quiz_id);
      if (answer != NULL)
        json_object_set_member (answers, quiz_id, air_json_new ("{answer:%N, correct:%N, points:%N}", air_json_get (answer, "answer"),
                                                                air_json_get (answer, "correct"), air_json_get (answer, "points")));
    }
  json_object_set_int_member (object, "messages", student->messages);
  json_object_set_int_member (object, "answered", student->answered);
  json_object_set_double_member (object, "correct", student->correct);
  json_object_set_double_member (object, "points", student->points);
  json_object_set_object_member (object, "answers", answers);
  json_object_set_member (object, "engagement", air_json_new ("%n", student->engagement != NULL ? json_node_copy (student->engagement) : NULL));
  return node;
}

/* An anonymous one with the number of its answers, which no row has. */
static JsonNode *
describe_question (Report *report, JsonNode *question)
{
  const char *quiz_id = air_json_get_string (question, "quiz_id");
  JsonNode *node = air_json_new ("{quiz_id:%s, question:%s, type:%s, points:%N}", quiz_id,
                                 air_json_get_string (question, "question"), air_json_get_string (question, "type"),
                                 air_json_get (question, "points"));
  JsonObject *object = json_node_get_object (node);
  bool is_anonymous = g_hash_table_contains (report->anonymous, quiz_id);
  json_object_set_boolean_member (object, "anonymous", is_anonymous);
  if (is_anonymous)
    json_object_set_int_member (object, "answered", GPOINTER_TO_UINT (g_hash_table_lookup (report->anonymous, quiz_id)));
  return node;
}

JsonNode *
report_json (Report *report)
{
  g_autoptr (GPtrArray) students = list_students (report);
  JsonArray *array = json_array_new (), *questions = json_array_new ();
  for (unsigned i = 0; i < students->len; i++)
    json_array_add_element (array, describe_student (report, students->pdata[i]));
  for (unsigned i = 0; i < report->questions->len; i++)
    json_array_add_element (questions, describe_question (report, report->questions->pdata[i]));
  JsonNode *node = air_json_new ("{session:%N}", report->session);
  json_object_set_array_member (json_node_get_object (node), "students", array);
  json_object_set_array_member (json_node_get_object (node), "questions", questions);
  return node;
}

/* ---- CSV: one row a student, a column for each question */

static void
add_header (Report *report, GString *csv)
{
  static const char *const names[] = { "name", "user_id", "joined_at", "left_at", "present_minutes", "stays", "messages", "answered",
                                       "correct", "points", "engagement" };
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    csv_add (csv, names[i]);
  for (unsigned i = 0; i < report->questions->len; i++)
    {
      JsonNode *asked = report->questions->pdata[i];
      const char *question = air_json_get_string (asked, "question");
      bool is_anonymous = g_hash_table_contains (report->anonymous, air_json_get_string (asked, "quiz_id"));
      g_autofree char *title
        = g_strdup_printf ("Q%u%s: %s", i + 1, is_anonymous ? " (anonymous)" : "", question != NULL ? question : "");
      csv_add (csv, title);
    }
  csv_end_row (csv);
}

static void
add_time (GString *csv, int64_t time_us)
{
  g_autofree char *text = time_us != 0 ? air_time_to_string (time_us) : NULL;
  csv_add (csv, text);
}

static void
append_value (GString *text, JsonNode *value)
{
  if (JSON_NODE_HOLDS_ARRAY (value))
    {
      JsonArray *array = json_node_get_array (value);
      for (unsigned i = 0; i < json_array_get_length (array); i++)
        {
          g_string_append (text, i > 0 ? ", " : "");
          append_value (text, json_array_get_element (array, i));
        }
    }
  else if (JSON_NODE_HOLDS_VALUE (value) && json_node_get_value_type (value) == G_TYPE_STRING)
    g_string_append (text, json_node_get_string (value));
  else if (!JSON_NODE_HOLDS_NULL (value))
    {
      g_autofree char *json = air_json_to_string (value);
      g_string_append (text, json);
    }
}

static void
add_answer (GString *csv, const Student *student, const char *quiz_id)
{
  JsonNode *answer = g_hash_table_lookup (student->answers, quiz_id), *value = air_json_get (answer, "answer");
  g_autoptr (GString) text = g_string_new (NULL);
  if (value != NULL)
    append_value (text, value);
  csv_add (csv, text->str);
}

GString *
report_csv (Report *report)
{
  g_autoptr (GPtrArray) students = list_students (report);
  GString *csv = csv_new ();
  add_header (report, csv);
  for (unsigned i = 0; i < students->len; i++)
    {
      Student *student = students->pdata[i];
      Presence presence = get_presence (student);
      csv_add (csv, student->name);
      csv_add (csv, student->user_id);
      add_time (csv, presence.first_us);
      add_time (csv, presence.last_us);
      csv_add_number (csv, round ((double)presence.present_us / G_USEC_PER_SEC / 6) / 10);
      csv_add_number (csv, student->stays->len);
      csv_add_number (csv, student->messages);
      csv_add_number (csv, student->answered);
      csv_add_number (csv, student->correct);
      csv_add_number (csv, student->points);
      csv_add_number (csv, air_json_get_double (student->engagement, "overall", NAN));
      for (unsigned k = 0; k < report->questions->len; k++)
        add_answer (csv, student, air_json_get_string (report->questions->pdata[k], "quiz_id"));
      csv_end_row (csv);
    }
  return csv;
}
