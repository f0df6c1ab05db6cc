// Access records: one JSON object a line for a request. Names, codes and sizes; never a header's value, a query's value (tokens,
// commands of exec), a body.
import { timestamp } from '../base/clock.ts';
import { parameterNames, shownPath } from '../inspect/request-facts.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { Scene } from './incidents.ts';

/** Field → what it says. docs/reference/logs.md is made from it. */
export const accessFields = {
  at: 'when the request had ended, RFC 3339',
  id: 'the verdict id: what a refusal names, and `portcullis why` explains',
  auditId: "the Audit-ID under which it went on: the server's audit log has the same",
  traceId: 'of a valid W3C `traceparent`',
  gate: 'the gate',
  server: 'the API server',
  stage: "where the server's shields stood",
  generation: 'of the plan that judged it',
  protocol: 'HTTP version between caller and gate',
  method: 'as sent',
  path: 'decoded, at most 1,024 characters, secrets blanked',
  query: "the query's names, without their values",
  verb: 'as Kubernetes says it: get, list, watch, create …',
  upgrade: 'true for what could have become a tunnel',
  auth: 'certificate, bearer or none',
  user: 'of the certificate (CN); a bearer token is not looked into',
  groups: 'of the certificate (O)',
  from: "the caller's address",
  fromName: 'what the inventory calls it',
  fromTags: 'its tags',
  serverTags: "the server's tags",
  status: 'of the final answer, 101 for a tunnel; left out when there was none',
  refusal: 'code of the refusal, or SHIELD/RULE',
  bytesUp: 'let through to the server, head included',
  bytesDown: 'let through to the caller',
  durationMs: "from the request's head to its end, in milliseconds",
} as const;

type AccessRecord = Readonly<Partial<Record<keyof typeof accessFields, unknown>>>;

export type AccessLog = {
  /** Is the next request in the sample? */
  sample(): boolean;
  write(record: AccessRecord): void;
  /** Milliseconds since the epoch. */
  now(): number;
};

export function accessRecord(
  scene: Scene,
  exchange: ExchangeRecord,
  bearer: boolean,
  trace: string | undefined,
  now: number,
): AccessRecord {
  const { identity, listener } = scene;
  const from = scene.parties(scene.address);
  const certified = identity.method === 'certificate';
  return {
    at: timestamp(now),
    id: exchange.ids.id,
    auditId: exchange.ids.auditId,
    traceId: trace,
    gate: scene.gate,
    server: listener.server,
    stage: listener.stage,
    generation: scene.generation,
    protocol: scene.protocol,
    method: exchange.info.method,
    path: shownPath(exchange.info.path),
    query: parameterNames(exchange.info.query),
    verb: exchange.info.verb,
    upgrade: exchange.upgrade,
    auth: certified ? 'certificate' : bearer ? 'bearer' : 'none',
    user: certified ? identity.user : undefined,
    groups: certified ? identity.groups : undefined,
    from: scene.address,
    fromName: from.name,
    fromTags: from.tags,
    serverTags: listener.serverTags,
    status: exchange.status === 0 ? undefined : exchange.status,
    refusal: exchange.refusal,
    bytesUp: exchange.up,
    bytesDown: exchange.down,
    durationMs: Math.round((performance.now() - exchange.since) * 1000) / 1000,
  };
}

/** One of `every` requests, evenly: a caller can't choose which. */
export function createSampler(every: number, random: () => number): () => boolean {
  return every <= 1 ? () => true : () => random() * every < 1;
}
