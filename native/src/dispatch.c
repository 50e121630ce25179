#include "dispatch.h"

#include "children.h"
#include "datagrams.h"
#include "environment.h"
#include "input.h"
#include "jobservers.h"
#include "locks.h"
#include "output.h"
#include "patience.h"
#include "pipes.h"
#include "places.h"
#include "requests.h"
#include "slots.h"
#include "starts.h"

static bool is_output(const struct frame *frame) {
  return frame->flags == STDOUT_STREAM || frame->flags == STDERR_STREAM;
}

static bool on_environment(const struct frame *frame) {
  static struct environment_change change;
  if (!environment_change_parse(frame, &change)) return false;
  environment_change(&change);
  return true;
}

/* Node may still speak of a child whose end it has not heard of yet: that is no mistake. */
bool dispatch_frame(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  if (places_keep(frame)) return true;
  struct child *child = child_by_number(frame->number);
  switch (frame->type) {
    case FRAME_START:
      return starts_on_frame(frame);
    case FRAME_INPUT:
      if (child != NULL) input_write(child, frame->payload, frame->length);
      break;
    case FRAME_INPUT_END:
      if (child != NULL) input_end(child);
      break;
    case FRAME_CREDIT: {
      uint32_t bytes = take_u32(&cursor);
      if (cursor.bad || !is_output(frame)) return false;
      if (child != NULL) output_add_credit(child, frame->flags, bytes);
      break;
    }
    case FRAME_CLOSE_OUTPUT:
      if (!is_output(frame)) return false;
      if (child != NULL) output_close_and_tell(child, frame->flags);
      break;
    case FRAME_DIRECT:
      if (child != NULL) output_hand_over(child, (frame->flags & DIRECT_TAKEN) != 0);
      break;
    case FRAME_SIGNAL_TREE:
      return requests_on_tree_frame(frame);
    case FRAME_SIGNAL_SCOPE:
      return requests_on_scope_frame(frame);
    case FRAME_ENVIRONMENT:
      return on_environment(frame);
    case FRAME_LOCK:
      return locks_on_lock_frame(frame);
    case FRAME_UNLOCK:
      return locks_on_unlock_frame(frame);
    case FRAME_JOBSERVER_OPEN:
    case FRAME_JOBSERVER_WANT:
    case FRAME_JOBSERVER_GIVE:
    case FRAME_JOBSERVER_DRAIN:
    case FRAME_JOBSERVER_CLOSE:
      return jobservers_on_frame(frame);
    case FRAME_SLOTS_TAKE:
      return slots_on_take_frame(frame);
    case FRAME_SLOTS_GIVE:
      return slots_on_give_frame(frame);
    case FRAME_DATAGRAM:
      return datagrams_on_frame(frame);
    case FRAME_HEARTBEAT:
      return patience_on_frame(frame);
    case FRAME_PLACES:
      return places_on_frame(frame);
    case FRAME_TAKE_BACK:
      places_take_back(frame->number);
      return true;
    case FRAME_LEAVE:
      places_leave(frame->number);
      return true;
    case FRAME_WIDEN_INPUT:
      pipes_widen_input();
      return true;
    case FRAME_CLOSE:
      return true;
    case FRAME_RETIRE:
      starts_refuse();
      return true;
    default:
      return false;
  }
  if (child != NULL) child_release_if_done(child);
  return true;
}
