// One request and its answer, as far as the judge must remember them: what rules and findings ask about is read from
// the forwarded head only when somebody asks, so a plain request pays for none of it.
import type { BodyReader } from '../http/body.ts';
import { parseRequestHead, type RequestHead } from '../http/head.ts';
import type { Forwarded } from './caller-fields.ts';
import type { Finding } from './connection-types.ts';
import type { HeldBytes } from './evidence.ts';
import { type RequestFacts, requestFacts } from './request-facts.ts';
import type { RequestInfo } from './request-info.ts';

/** What rules and findings ask of an exchange, whatever protocol it is of. */
export type Judged = {
  readonly info: RequestInfo;
  readonly upgrade: boolean;
  /** Did the caller send an Authorization field? */
  readonly bearer: boolean;
  /** Fields of the head that begin at or after this offset are the gate's own. */
  readonly injectedAt: number;
  /** Of the final answer, or 101; 0 before. */
  readonly status: number;
  readonly facts: RequestFacts;
  head(): RequestHead | undefined;
};

/** Will the answer go on until somebody ends it (a watch, a followed log)? */
export function isStreaming(info: RequestInfo): boolean {
  return info.watch || (info.subresource === 'log' && /(?:^|&)follow=/.test(info.query));
}

export class Exchange implements Judged {
  readonly info: RequestInfo;
  /** An upgrade request (DESIGN decision 6). */
  readonly upgrade: boolean;
  readonly bearer: boolean;
  /** May another request follow, as this one says? */
  readonly keepAlive: boolean;
  /** undefined: no body, or it is complete. */
  requestBody: BodyReader | undefined;
  /** undefined before the final answer's head. */
  responseBody: BodyReader | undefined;
  /** Status of the final answer, or 101; 0 before. */
  status = 0;
  responseKeepAlive = false;
  interim = 0;
  readonly #forwarded: Forwarded;
  #facts: RequestFacts | undefined;

  constructor(info: RequestInfo, head: RequestHead, forwarded: Forwarded) {
    this.info = info;
    this.upgrade = head.upgrade.trigger;
    // Asked of every answer, for which the head would have to be read once more.
    this.bearer = head.fields.find('authorization') >= 0;
    this.keepAlive = head.keepAlive;
    this.#forwarded = forwarded;
  }

  /** The head as forwarded, without the gate's own lines: what the caller sent, less what was stripped. */
  head(): RequestHead | undefined {
    const head = parseRequestHead(this.#forwarded.bytes, 0, unlimited, undefined);
    return head.kind === 'request' ? head : undefined;
  }

  get injectedAt(): number {
    return this.#forwarded.injectedAt;
  }

  get facts(): RequestFacts {
    this.#facts ??= requestFacts(this.info, this.head(), this.injectedAt);
    return this.#facts;
  }

  get streams(): boolean {
    return isStreaming(this.info);
  }
}

const unlimited = { bytes: Number.MAX_SAFE_INTEGER, fields: Number.MAX_SAFE_INTEGER };

/** A finding's common part. */
export function findingOf(
  facts: RequestFacts,
  what: Pick<
    Finding,
    'shield' | 'rule' | 'action' | 'shadow' | 'exemption' | 'would' | 'severity' | 'message'
  >,
  auditId: string | undefined,
  status: number,
  held: HeldBytes | undefined,
  evidenceBytes: number,
  id: string,
): Finding {
  return {
    id,
    shield: what.shield,
    rule: what.rule,
    action: what.action,
    ...(what.shadow ? { shadow: what.shadow } : {}),
    ...(what.exemption === undefined ? {} : { exemption: what.exemption }),
    ...(what.would === undefined ? {} : { would: what.would }),
    severity: what.severity,
    message: what.message,
    auditId,
    requestLine: facts.requestLine,
    headerNames: facts.headerNames,
    connection: facts.connection,
    upgrade: facts.upgrade,
    bearer: facts.bearer,
    serviceAccount: facts.serviceAccount,
    responseStatus: status === 0 ? undefined : status,
    held: held ? held.evidence(evidenceBytes) : nothing,
    heldLength: held?.length ?? 0,
  };
}
const nothing = Buffer.alloc(0);
