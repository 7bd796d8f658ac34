/* The challenge of Flash Media Server, authmod=adobe: how OBS ("Use authentication") and ffmpeg (rtmp://USER:PASSWORD@…)
 * bring a user and a password. They say nothing of them until connect is rejected, and connect anew for each step:
 *
 *   connect to APP                                                          ← ADOBE_NEED_AUTH
 *   connect to APP?authmod=adobe&user=U                                     ← adobe_auth_ask()
 *   connect to APP?authmod=adobe&user=U&challenge=X&response=R&opaque=O     ← taken, or ADOBE_AUTH_FAILED
 *
 * R = base64 (md5 (base64 (md5 (U SALT PASSWORD)) O X)). It can be checked only by who has the password, so R is kept until
 * publish or play tells which keys come into question. MD5 is what the clients speak: a listener on the line can try
 * passwords at leisure, which keys made by the server withstand and short ones do not. RTMPS hides all of it.
 *
 * A question is not stored: O carries its time and a random part under a seal that only this process can make. An O that
 * somebody has been let in with is remembered until it is too old. No thread of its own: used by one thread at a time.
 */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

#define ADOBE_NEED_AUTH "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "
#define ADOBE_AUTH_FAILED "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed"
#define ADOBE_NO_SUCH_USER "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=nosuchuser"

/* Clients have little room for the description in which the name comes back to them. */
#define ADOBE_MAX_USER_BYTES 100
/* How long a question may be answered. */
#define ADOBE_LIFETIME_S 60
/* Most answers that are remembered; only those that let somebody in are. */
#define ADOBE_MAX_SPENT 4096

typedef struct _AdobeAuth AdobeAuth;

AdobeAuth *adobe_auth_new (void);
void adobe_auth_free (AdobeAuth *auth);

/* The description of the second rejection. @user: as it stands in the query; it goes into the digest undecoded. */
char *adobe_auth_ask (AdobeAuth *auth, const char *user, int64_t now_us);
/* Whether @opaque is from a question of ours that is neither too old nor spent. @opaque may be NULL. */
bool adobe_auth_is_open (AdobeAuth *auth, const char *opaque, int64_t now_us);
/* Somebody is let in by the answer to @opaque. Returns: false when it is not open any more, or when too many were lately. */
bool adobe_auth_spend (AdobeAuth *auth, const char *opaque, int64_t now_us);

/* An answer to a question. */
typedef struct
{
  char *user;      /* decoded */
  char *raw_user;  /* as it stands in the query */
  char *challenge; /* the client's */
  char *response;
  char *opaque;
  bool fits;  /* some secret has fitted */
  bool spent; /* and this connection was let in by it */
} AdobeProof;

/* Copies; NULL when a part is missing. */
AdobeProof *adobe_proof_new (const char *user, const char *raw_user, const char *challenge, const char *response,
                             const char *opaque);
void adobe_proof_free (AdobeProof *proof);
/* Whether the client knew @secret; notes it in fits. The comparison takes the same time for every wrong response. */
bool adobe_proof_fits (AdobeProof *proof, const char *secret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AdobeAuth, adobe_auth_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AdobeProof, adobe_proof_free)

G_END_DECLS
