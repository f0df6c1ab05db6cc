// A request that is kept whole until the rules over its body have been asked. The bytes are kept as they came, framing
// included, so that what goes on is what came.
import { type BodyReader, createBodyReader, defaultBodyLimits } from '../http/body.ts';
import { parseRequestHead, type RequestHead } from '../http/head.ts';
import type { RefusalCode } from '../http/refusals.ts';
import type { BodyAccount } from './body-budget.ts';
import { ByteQueue } from './byte-queue.ts';
import type { RequestInfo } from './request-info.ts';
import type { Candidates } from './rules.ts';

/** A request's trailers would go on unseen by the rules: none are admitted. No Kubernetes client sends any. */
export const requestBodyLimits = { ...defaultBodyLimits, trailerFields: 0 };

/**
 * complete  the body is whole
 * more      it is not
 * over      it is longer than the limit
 * full      the gate holds as many bytes as it may
 */
type Fed =
  | { readonly kind: 'complete' | 'more' | 'over' | 'full'; readonly end: number }
  | { readonly kind: 'refused'; readonly code: RefusalCode };

export class HeldRequest {
  readonly info: RequestInfo;
  readonly candidates: Candidates;
  readonly #limit: number;
  readonly #account: BodyAccount | undefined;
  readonly #bytes = new ByteQueue();
  readonly #reader: BodyReader;
  #content = 0;
  #taken = 0;

  /** @param limit bytes of content */
  constructor(
    bytes: Buffer,
    head: RequestHead,
    info: RequestInfo,
    candidates: Candidates,
    limit: number,
    account: BodyAccount | undefined,
  ) {
    this.info = info;
    this.candidates = candidates;
    this.#limit = limit;
    this.#account = account;
    this.#reader = createBodyReader(head.framing, requestBodyLimits, (_, start, end) => {
      this.#content += end - start;
    });
    // The gate itself tells the caller to go on: the server must not tell it once more.
    const expect = head.expectContinue ? head.fields.find('expect') : -1;
    if (expect < 0) this.#bytes.append(bytes.subarray(head.start, head.end), 0);
    else {
      this.#bytes.append(bytes.subarray(head.start, head.fields.nameStart(expect)), 0);
      this.#bytes.append(bytes.subarray(head.fields.lineEnd(expect), head.end), 0);
    }
  }

  feed(bytes: Buffer, start: number): Fed {
    const part = this.#reader.feed(bytes, start);
    if (part.kind === 'refused') return part;
    const { end } = part;
    this.#bytes.append(bytes.subarray(start, end), 0);
    if (this.#account && !this.#account.take(end - start)) return { kind: 'full', end };
    this.#taken += end - start;
    // Chunks of a byte each are six times their content: what is held must stay in bounds too.
    if (this.#content > this.#limit || this.#bytes.length > 2 * this.#limit + 65_536)
      return { kind: 'over', end };
    return { kind: part.complete ? 'complete' : 'more', end };
  }

  /** What came, Expect left out, and its head. The request is not held any more. */
  release(): { readonly bytes: Buffer; readonly head: RequestHead | undefined } {
    this.#account?.give(this.#taken);
    this.#taken = 0;
    const bytes = this.#bytes.take();
    const head = parseRequestHead(bytes, 0, unlimited, undefined);
    return { bytes, head: head.kind === 'request' ? head : undefined };
  }
}

const unlimited = { bytes: Number.MAX_SAFE_INTEGER, fields: Number.MAX_SAFE_INTEGER };

/** The content of a whole body, transfer coding left out; undefined where the bytes don't hold all of it. */
export function contentOf(bytes: Buffer, head: RequestHead): Buffer | undefined {
  if (head.framing.kind === 'length') {
    const end = head.end + head.framing.length;
    return end <= bytes.length ? bytes.subarray(head.end, end) : undefined;
  }
  const pieces = new ByteQueue();
  const reader = createBodyReader(head.framing, requestBodyLimits, (from, start, end) =>
    pieces.append(from.subarray(start, end), 0),
  );
  const part = reader.feed(bytes, head.end);
  return part.kind === 'body' && part.complete ? pieces.take() : undefined;
}
