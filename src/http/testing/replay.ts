// For tests: feeds pieces of bytes to the parsers as a relay does, and lists what they said.
import { type BodyReader, createBodyReader, defaultBodyLimits } from '../body.ts';
import type { FieldTable } from '../field-table.ts';
import {
  createHeadProgress,
  defaultHeadLimits,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from '../head.ts';
import type { RefusalCode } from '../refusals.ts';

export type Fields = readonly (readonly [name: string, value: string])[];

/** One message in terms that any parser can give. Bytes are strings of one character a byte (latin1). */
export type Message = {
  /** `GET /path 1` or `200 OK 1`. */
  readonly startLine: string;
  readonly fields: Fields;
  readonly body: string;
  readonly trailers: Fields;
  /** Did the bytes hold all of it? */
  readonly complete: boolean;
};

export type Replay = {
  readonly messages: readonly Message[];
  /** Why reading stopped, and at which byte of the whole; undefined when all bytes were read. */
  readonly refused: { readonly code: RefusalCode; readonly at: number } | undefined;
  /** Bytes of a head not yet whole, or after the one message of a reading that stops there. */
  readonly rest: number;
};

export type Side =
  | { readonly kind: 'request' }
  /** Interim answers and then one final answer to a request of that method, then the connection's end. */
  | { readonly kind: 'response'; readonly method: string };

/** Reads the pieces in order. */
export function replay(pieces: readonly Buffer[], side: Side): Replay {
  const messages: Message[] = [];
  const progress = createHeadProgress();
  let held = Buffer.alloc(0);
  let heldAt = 0;
  let head: RequestHead | ResponseHead | undefined;
  let reader: BodyReader | undefined;
  let content: string[] = [];
  let fieldsOfHead: Fields = [];
  const stopped = (code: RefusalCode, at: number): Replay => {
    partial();
    return { messages, refused: { code, at: heldAt + at }, rest: 0 };
  };
  const startLine = (of: RequestHead | ResponseHead) =>
    of.kind === 'request' ? `${of.method} ${of.target} ${of.minor}` : `${of.status} ${of.reason} ${of.minor}`;
  const push = (complete: boolean) => {
    if (!head) return;
    const trailers = reader?.trailers ? fieldsOf(reader.trailers) : [];
    messages.push({
      startLine: startLine(head),
      fields: fieldsOfHead,
      body: content.join(''),
      trailers,
      complete,
    });
  };
  const partial = () => {
    if (head) push(false);
  };
  for (const piece of pieces) {
    held = Buffer.concat([held, piece]);
    let at = 0;
    for (;;) {
      if (!reader) {
        const final = messages.at(-1);
        if (side.kind === 'response' && final && isFinal(final)) break;
        const next =
          side.kind === 'request'
            ? parseRequestHead(held, at, defaultHeadLimits, progress)
            : parseResponseHead(held, at, defaultHeadLimits, side.method, progress);
        if (next.kind === 'incomplete') break;
        if (next.kind === 'refused') return stopped(next.code, next.at);
        head = next;
        fieldsOfHead = fieldsOf(next.fields);
        content = [];
        reader = createBodyReader(next.framing, defaultBodyLimits, (bytes, from, end) =>
          content.push(bytes.toString('latin1', from, end)),
        );
        at = next.end;
      }
      const part = reader.feed(held, at);
      if (part.kind === 'refused') return stopped(part.code, part.at);
      at = part.end;
      if (!part.complete) break;
      push(true);
      head = undefined;
      reader = undefined;
    }
    held = held.subarray(at);
    heldAt += at;
  }
  if (reader && head) push(reader.completeAtEnd);
  return { messages, refused: undefined, rest: held.length };
}

export function fieldsOf(table: FieldTable): Fields {
  return Array.from({ length: table.count }, (_, index) => [table.nameText(index), table.valueText(index)]);
}

/** Is this a response that ends the exchange? A 101 does: what follows is another protocol. */
export function isFinal(message: Message): boolean {
  return !/^1/.test(message.startLine) || message.startLine.startsWith('101');
}
