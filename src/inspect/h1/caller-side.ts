// The caller's bytes: requests read one at a time, what is sent ahead of them kept, and what comes while an upgrade waits
// for its answer held back.
import { ByteQueue } from '../byte-queue.ts';
import type { Exchange } from '../exchange.ts';
import type { Core } from './core.ts';
import { bodyCode, Intake } from './intake.ts';

export class CallerSide {
  readonly #core: Core;
  readonly #intake: Intake;
  /** An unfinished head, or requests sent ahead. */
  readonly #ahead = new ByteQueue();

  constructor(core: Core) {
    this.#core = core;
    this.#intake = new Intake(core);
  }

  /** Bytes that were not read as a request yet. */
  get ahead(): number {
    return this.#ahead.length;
  }

  data(bytes: Buffer): void {
    const core = this.#core;
    if (core.state === 'tunnel') {
      if (core.watch) core.watch.up += bytes.length;
      core.sink.toServer(bytes);
    } else if (core.state === 'closing') this.#lateBytes(bytes);
    else if (core.state === 'closed') return;
    else if (this.#ahead.length === 0) this.#read(bytes);
    else {
      this.#ahead.append(bytes, 0);
      if (!core.exchange) this.#read(this.#ahead.view(), true);
      else if (this.#ahead.length > core.settings.limits.aheadBytes) {
        core.report.refusal('pipeline-over-limit', core.exchange.facts, core.exchange.status);
        core.blame('pipeline-over-limit');
        core.abort();
      }
    }
  }

  /** The answer before is complete: what was sent ahead of its end is read. */
  next(): void {
    const core = this.#core;
    if (this.#ahead.length > 0) this.#read(this.#ahead.take(), true);
    if (this.#ahead.length === 0 || !core.exchange) core.hold(false);
  }

  end(): void {
    const core = this.#core;
    if (core.clientEnded) return;
    core.clientEnded = true;
    const exchange = core.exchange;
    if (core.state === 'tunnel') core.endTunnelTowardsServer();
    else if (core.state === 'closing' || core.state === 'closed') return;
    else if (!exchange) core.close(0);
    else if (exchange.requestBody) core.abort();
    else if (core.report.heldLength > 0) core.alarm(exchange, 'early-bytes');
    // The answer is still delivered; but a stream that ends only when its reader leaves has lost its reader.
    else if (exchange.streams && this.#ahead.length === 0) core.abort();
  }

  /**
   * Reads requests as far as they may be read; the rest waits in #ahead.
   * @param own the bytes come from #ahead: what waits again is not copied, which for many small requests would cost more
   * than all else (1,000 in 55 KB: 12 to 19 µs each, 3 without)
   */
  #read(bytes: Buffer, own = false): void {
    const core = this.#core;
    let at = 0;
    while (at < bytes.length && (core.state === 'http' || core.state === 'upgrade')) {
      const exchange = core.exchange;
      if (core.held) at = this.#intake.body(core.held, bytes, at);
      else if (!exchange) {
        const next = this.#intake.head(bytes, at);
        if (next < 0) {
          // Unfinished. Bytes that are the queue's own stay where they are.
          if (this.#ahead.length === 0) this.#ahead.append(bytes, at);
          return;
        }
        // The bytes are this call's from here on: what stands behind the head is queued anew if it must wait.
        if (this.#ahead.length > 0) this.#ahead.take();
        at = next;
      } else if (exchange.requestBody) {
        const refused = exchange.upgrade && exchange.status > 0;
        at = refused ? this.#dropBody(exchange, bytes, at) : this.#requestBody(exchange, bytes, at);
      } else if (exchange.upgrade) {
        this.#earlyBytes(exchange, bytes.subarray(at));
        return;
      } else {
        if (own) this.#ahead.adopt(bytes.subarray(at));
        else this.#ahead.append(bytes, at);
        core.hold(true);
        return;
      }
    }
  }

  #requestBody(exchange: Exchange, bytes: Buffer, start: number): number {
    const core = this.#core;
    const part = exchange.requestBody?.feed(bytes, start);
    if (!part) return start;
    if (part.kind === 'refused') {
      core.refuseBody(exchange, bodyCode(part.code));
      return bytes.length;
    }
    if (core.watch) core.watch.up += part.end - start;
    core.sink.toServer(start === 0 && part.end === bytes.length ? bytes : bytes.subarray(start, part.end));
    if (part.complete) exchange.requestBody = undefined;
    return part.end;
  }

  /**
   * What is left of an upgrade request's body when the upgrade has been refused: nothing of it goes on, into what may be
   * an open tunnel by now, and it is no alarm. @returns where it ends
   */
  #dropBody(exchange: Exchange, bytes: Buffer, start: number): number {
    const part = exchange.requestBody?.feed(bytes, start);
    if (!part) return start;
    if (part.kind === 'refused' || part.complete) exchange.requestBody = undefined;
    return part.kind === 'refused' ? Math.max(start, part.at) : part.end;
  }

  #earlyBytes(exchange: Exchange, bytes: Buffer): void {
    const core = this.#core;
    core.report.hold(bytes);
    if (exchange.status > 0) core.alarm(exchange, 'late-bytes');
    else if (core.report.heldLength > core.settings.limits.heldBytes) core.alarm(exchange, 'early-bytes');
  }

  /** After an upgrade that was answered with anything but 101. After any other end, what still comes is nobody's. */
  #lateBytes(bytes: Buffer): void {
    const core = this.#core;
    const exchange = core.exchange;
    if (!exchange?.upgrade || exchange.status === 0) return;
    const from = this.#dropBody(exchange, bytes, 0);
    if (from === bytes.length) return;
    core.report.hold(bytes.subarray(from));
    core.alarm(exchange, 'late-bytes');
  }
}
