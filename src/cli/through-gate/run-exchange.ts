// One exchange of a shield's test through the gate, in one of its ways.
import type { RuleAction, RulePhase, ShieldTest } from '../../model/shield.ts';
import { rateMilliseconds } from '../../model/shield.ts';
import { plainSteps } from '../../shields/exchange-steps.ts';
import { exchangeBytes } from '../../shields/exchange-text.ts';
import type { Way } from '../../shields/exchange-ways.ts';
import { createHttp2Side } from '../../shields/http2-floods.ts';
import { acknowledged, callerOpens, http2Answer, http2Request } from '../../shields/http2-peers.ts';
import { difference } from '../../shields/outcome.ts';
import { http1Answer, http1Bytes, writtenAnswer, writtenRequest } from '../../shields/request-bytes.ts';
import type { Caller } from './caller.ts';
import type { Ground, Stand } from './ground.ts';

/** For an end that is sure to come. */
const closedWithinMs = 30_000;

/** @returns what differed, as a clause; '' when nothing did */
export async function runThroughGate(
  ground: Ground,
  stand: Stand,
  from: string,
  test: ShieldTest,
  actions: ReadonlyMap<string, RuleAction>,
  phases: ReadonlyMap<string, RulePhase>,
  way: Way,
): Promise<string> {
  const { server } = ground;
  const http2 = way.framing === 'http2';
  const user = test.as && 'user' in test.as ? test.as : undefined;
  const received: string[] = [];
  let side = createHttp2Side();
  /** Did the last request reach the server? undefined: there was none, or frames came after it. */
  let reached: boolean | undefined;
  const connect = async () => {
    side = createHttp2Side();
    const made = await ground.call(stand, from, user, http2 ? 'h2' : 'http/1.1');
    if (!http2) return made;
    made.say(callerOpens);
    await ground.settle(made);
    made.say(acknowledged);
    return made;
  };
  server.next();
  let caller = await connect();
  try {
    for (const step of plainSteps(test)) {
      if ('wait' in step) {
        await new Promise((resolve) => setTimeout(resolve, rateMilliseconds(step.wait)));
        continue;
      }
      if ('reconnect' in step) {
        received.push(caller.text);
        caller.end();
        await ground.settle(caller);
        caller.destroy();
        caller = await connect();
        continue;
      }
      if ('end' in step) {
        if (step.end === 'client') caller.end();
        else server.end();
      } else if ('http2' in step) {
        reached = undefined;
        caller.say(side.flood(step));
        await ground.settle(caller);
        const answer = side.answer(step);
        if (answer) server.say(answer);
      } else if ('request' in step) {
        const stream = side.next();
        const written = writtenRequest(step, way.twin, test.as);
        const before = server.received.length;
        caller.say(http2 ? http2Request(stream, written) : http1Bytes(written, way.framing));
        await ground.settle(caller);
        reached = http2 ? hasStream(server.heard, stream) : server.received.length > before;
        if (reached) {
          const answer = writtenAnswer(step);
          server.say(
            http2 ? http2Answer(stream, answer, written.method) : http1Answer(answer, written.method),
          );
        }
      } else {
        const bytes = exchangeBytes('client' in step ? step.client : step.server);
        const say = (piece: Buffer) => ('client' in step ? caller.say(piece) : server.say(piece));
        const size = step.split ?? bytes.length;
        // Each piece is a record of its own.
        for (let at = 0; at < bytes.length; at += size) say(bytes.subarray(at, at + size));
      }
      await ground.settle(caller);
    }
    const findings = findingsInOrder(
      (await ground.incidents(from)).map(({ rule, action }) => ({ rule, action })),
      test.expect.rules,
      actions,
    );
    const cut = findings.some(({ action }) => action !== 'allow' && action !== 'log');
    if (way.connection && (test.expect.connection ?? (cut ? 'closed' : 'open')) === 'closed') {
      await caller.closed(closedWithinMs);
    }
    const outcome = {
      findings,
      server: server.received,
      client: [...received, caller.text].join(''),
      stands: standing(caller),
      reached,
    };
    return difference(test, outcome, phases, way);
  } finally {
    caller.destroy();
    await ground.settle(caller);
  }
}

function standing(caller: Caller): 'open' | 'closed' | 'tunnel' {
  if (caller.over) return 'closed';
  return caller.text.includes('HTTP/1.1 101 ') ? 'tunnel' : 'open';
}

type Finding = { readonly rule: string; readonly action: RuleAction };

/**
 * The severest incidents are sent first, and what is allowed is none: where they are those that are expected, they are put in
 * that order, for the engine proves it.
 */
function findingsInOrder(
  incidents: readonly Finding[],
  expected: readonly string[],
  actions: ReadonlyMap<string, RuleAction>,
): readonly Finding[] {
  const left = [...incidents];
  const found: Finding[] = [];
  for (const rule of expected) {
    if (actions.get(rule) === 'allow') {
      found.push({ rule, action: 'allow' });
      continue;
    }
    const at = left.findIndex((one) => one.rule === rule);
    if (at >= 0) found.push(...left.splice(at, 1));
  }
  return [...found, ...left];
}

/** Do HEADERS of that stream stand in what a connection of the server received? */
function hasStream(received: string, stream: number): boolean {
  const bytes = Buffer.from(received, 'latin1');
  const prefaceLength = 24;
  for (let at = prefaceLength; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === 1 && (bytes.readUInt32BE(at + 5) & 0x7fff_ffff) === stream) return true;
  }
  return false;
}
