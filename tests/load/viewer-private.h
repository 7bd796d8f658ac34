/* What viewer.c and viewer-media.c share. */
#pragma once

#include "viewer.h"

void load_viewer_rtp (LoadViewer *viewer, uint8_t *data, size_t size, int64_t now_us);
void load_viewer_rtcp (LoadViewer *viewer, uint8_t *data, size_t size, int64_t now_us);
void load_viewer_schedule_feedback (LoadViewer *viewer, int64_t now_us);
/* What is due: reports, transport-wide feedback, NACK, PLI. */
void load_viewer_send_feedback (LoadViewer *viewer, int64_t now_us);
/* Fills in what is known only at the end; may be called twice. */
void load_viewer_close_stay (LoadViewer *viewer);
