// Request bodies that come too slowly, each stream judged for itself: it is ended, and the others of its connection live on.
import { h2Errors } from '../../http/h2/frames.ts';
import { isStreaming } from '../exchange.ts';
import { judgeRefusals } from '../refusals.ts';
import { blame, type Core } from './core.ts';
import type { Stream } from './stream.ts';

const minuteMs = 60_000;

/**
 * To be called every second or so. A stream's minute counts only while its caller could send all through it: where the
 * server gave it no room, on the stream or on the connection, or `ready` is false, it begins anew.
 * @param now milliseconds; more than 0
 * @param least bytes of a request's body in a minute
 * @param ready did the gate read the caller?
 * @returns how many streams were ended
 */
export function endSlowBodies(core: Core, now: number, least: number, ready: boolean): number {
  let ended = 0;
  for (const stream of [...core.streams.values()]) {
    if (stream.callerDone || (stream.answered && isStreaming(stream.info))) continue;
    // What is held is granted by the gate itself.
    const { room, offeredInitial } = core.server;
    const able = ready && (stream.held !== undefined || (room > 0 && offeredInitial + stream.room > 0));
    if (!able || stream.bodySince === 0) {
      stream.bodySince = able ? now : 0;
      stream.bodyBytes = 0;
    } else if (now - stream.bodySince >= minuteMs) {
      if (stream.bodyBytes < least) {
        end(core, stream);
        ended++;
      }
      stream.bodySince = now;
      stream.bodyBytes = 0;
    }
  }
  core.flush();
  return ended;
}

/** No finding: a poor link is no attack. */
function end(core: Core, stream: Stream): void {
  const { status, sentence } = judgeRefusals['slow-body'];
  blame(stream, 'slow-body');
  if (!stream.answered) {
    core.answer(stream, status, `The gate ended this request. ${sentence} [slow-body]`, h2Errors.cancel);
    return;
  }
  core.reset(stream.id, core.toCaller, h2Errors.cancel);
  core.resetServer(stream, h2Errors.cancel);
  core.remove(stream);
}
