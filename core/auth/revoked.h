/* What has been revoked: families of tokens for as long as one of them could live, people of a class until that is taken back, and what was
 * made for a class until a moment. Bounded; no clock and no lock of its own. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct _AirRevoked AirRevoked;

AirRevoked *air_revoked_new (unsigned max_families, unsigned max_people, unsigned max_classes);
void air_revoked_free (AirRevoked *revoked);
/* Until @until_us, which is not before those of earlier calls; families whose time is over at @now_us (both monotonic) are forgotten. When
 * there are too many, the one that ends first goes. */
void air_revoked_add_family (AirRevoked *revoked, const char *family, int64_t now_us, int64_t until_us);
void air_revoked_remove_family (AirRevoked *revoked, const char *family);
/* Also one whose time is over and that has not been forgotten: its tokens have ended, too. */
bool air_revoked_has_family (AirRevoked *revoked, const char *family);
unsigned air_revoked_count_families (AirRevoked *revoked);
/* Returns false when there are too many. */
bool air_revoked_add_person (AirRevoked *revoked, const char *class_id, const char *user_id);
void air_revoked_remove_person (AirRevoked *revoked, const char *class_id, const char *user_id);
bool air_revoked_has_person (AirRevoked *revoked, const char *class_id, const char *user_id);
/* What was made for the class @class_id until @until_us (wall clock, > 0), that moment included, by everybody or for @students only; an
 * earlier one than before changes nothing. Returns false when there are too many. */
bool air_revoked_add_class (AirRevoked *revoked, const char *class_id, bool students, int64_t until_us);
/* Returns: until when; 0: nothing is revoked. @class_id may be NULL. */
int64_t air_revoked_get_class (AirRevoked *revoked, const char *class_id, bool student);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRevoked, air_revoked_free)

G_END_DECLS
