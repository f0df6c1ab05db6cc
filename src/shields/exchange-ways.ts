// The ways in which one test of a shield is run.
import type { BodyTwin, ShieldTest } from '../model/shield.ts';
import { writtenSteps } from './exchange-steps.ts';
import { twinsOf } from './request-twins.ts';

export type Way = {
  /** For the report; '' for the first. */
  readonly name: string;
  /** Bytes a piece, whatever the steps say. */
  readonly split: number | undefined;
  readonly twin: BodyTwin;
  /** Over HTTP/1.1, how the body's end is told. */
  readonly framing: 'length' | 'chunked' | 'http2';
  /** Is it looked at how the connection stands? Where requests go over HTTP/2, streams end in its place. */
  readonly connection: boolean;
  /** Do texts stand on the wire as they do in the test? */
  readonly literal: boolean;
};

/**
 * As written and byte by byte; with a body also in chunks; what is made of requests also over HTTP/2. A body's other
 * writings differ in their bytes only, so each is run once.
 */
export function waysOf(test: Pick<ShieldTest, 'steps'>): readonly Way[] {
  if ([...writtenSteps(test)].some(({ step }) => 'http2' in step)) return http2Ways;
  const requests = [...writtenSteps(test)].flatMap(({ step }) => ('request' in step ? [step.request] : []));
  const twins = [...new Set(requests.flatMap(twinsOf))];
  const bodies = requests.some(({ object, body, base64 }) => (object ?? body ?? base64) !== undefined);
  const [twin = 'json', ...others] = twins;
  const ways: Way[] = [
    { name: '', split: undefined, twin, framing: 'length', literal: true, connection: true },
    { name: 'byte by byte', split: 1, twin, framing: 'length', literal: true, connection: true },
  ];
  if (bodies) {
    ways.push(
      { name: 'in chunks', split: undefined, twin, framing: 'chunked', literal: false, connection: true },
      {
        name: 'in chunks, byte by byte',
        split: 1,
        twin,
        framing: 'chunked',
        literal: false,
        connection: true,
      },
    );
  }
  for (const other of others) {
    ways.push({
      name: `as ${other}`,
      split: undefined,
      twin: other,
      framing: 'length',
      literal: false,
      connection: true,
    });
  }
  if (goesOverHttp2(test)) {
    ways.push(
      { name: 'over HTTP/2', split: undefined, twin, framing: 'http2', literal: false, connection: false },
      {
        name: 'over HTTP/2, byte by byte',
        split: 1,
        twin,
        framing: 'http2',
        literal: false,
        connection: false,
      },
    );
  }
  return ways;
}

const frames = { twin: 'json', framing: 'http2', literal: false, connection: true } as const;
/** Frames are of HTTP/2 alone. */
const http2Ways: readonly Way[] = [
  { name: '', split: undefined, ...frames },
  { name: 'byte by byte', split: 1, ...frames },
];

/** As written, and no other: enough to know that a shield which was proven in every way does here what it did then. */
export function asWritten(test: Pick<ShieldTest, 'steps'>): readonly Way[] {
  return waysOf(test).slice(0, 1);
}

/** All of it is requests, and none needs what HTTP/2 has no form for. */
function goesOverHttp2(test: Pick<ShieldTest, 'steps'>): boolean {
  let any = false;
  for (const { step } of writtenSteps(test)) {
    if ('wait' in step || 'reconnect' in step) continue;
    if (!('request' in step) || step.request.http2 === false) return false;
    any = true;
    const names = Object.keys(step.request.headers ?? {}).map((name) => name.toLowerCase());
    if (names.some((name) => http1Only.has(name))) return false;
  }
  return any;
}

const http1Only: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'te',
  'host',
]);
