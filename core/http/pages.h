/* The server's own pages: the web app, the description of the interface, QR codes. */
#pragma once

#include "http/server-private.h"

G_BEGIN_DECLS

/* Registers the routes; called in create(). @self of the handlers is the AirHttpServer. */
void air_http_add_pages (AirContext *context);
/* Whether the web app has something at this path. */
bool air_http_is_in_web_app (AirHttpServer *server, AirRequest *request);
/* Answers with a file of the web app; false when there is none at this path, or the method is not for files. */
bool air_http_reply_from_web_app (AirHttpServer *server, AirRequest *request);
/* The routes have changed. */
void air_http_forget_document (AirHttpServer *server);

G_END_DECLS
