// Asks the rules and tells the owner of the sockets what was found: everything of the judge that makes findings.
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { UpgradeEvent } from './attributes.ts';
import { decodeRequest, isUndecodable } from './body-content.ts';
import { stripped } from './built-in-rules.ts';
import type { ConnectionSettings, ConnectionSink, Finding } from './connection-types.ts';
import { HeldBytes } from './evidence.ts';
import { findingOf, type Judged } from './exchange.ts';
import { attributesOf } from './exchange-attributes.ts';
import type { CallerRates } from './rates.ts';
import { type JudgeRefusal, refusalRow } from './refusals.ts';
import { type RequestFacts, requestFacts } from './request-facts.ts';
import { isProxied, type RequestInfo } from './request-info.ts';
import { type Candidates, type Fired, heldFor, judge, judgeUnjudged, type Unjudged } from './rules.ts';
import { builtInAlarms } from './upgrade.ts';

type Told = Pick<
  Finding,
  'shield' | 'rule' | 'action' | 'shadow' | 'exemption' | 'would' | 'severity' | 'message'
> &
  Pick<Fired, 'over'>;
type Settings = ConnectionSettings & { readonly rates: CallerRates };

export class Reporter {
  readonly #settings: Settings;
  readonly #sink: ConnectionSink;
  #held: HeldBytes | undefined;
  #spoofTold = false;
  #id: string | undefined;
  /** Of the request that is judged; its answer's findings carry it too, for requests are serialised. */
  auditId: string | undefined;

  constructor(settings: Settings, sink: ConnectionSink) {
    this.#settings = settings;
    this.#sink = sink;
  }

  /** Bytes of the caller's that were held back so far, in all. */
  get heldLength(): number {
    return this.#held?.length ?? 0;
  }

  /** The verdict id of the request at hand, made when first asked for: most requests need none. */
  get id(): string {
    this.#id ??= this.#settings.newId?.() ?? '';
    return this.#id;
  }

  /** What is found from now on is about another request. */
  nextRequest(): void {
    this.#id = undefined;
    this.auditId = undefined;
  }

  hold(bytes: Buffer): void {
    this.#held ??= new HeldBytes(this.#settings.limits.heldBytes);
    this.#held.add(bytes);
  }

  /** Judges a request of which nothing was forwarded; reports what fired. */
  request(candidates: Candidates, head: RequestHead, info: RequestInfo): readonly Fired[] {
    const before = Number.POSITIVE_INFINITY;
    const fired = judge(
      candidates,
      attributesOf(info, () => head, before, this.#settings, undefined, 0, ''),
      this.#settings,
    );
    if (fired.length > 0) this.#tell(requestFacts(info, head), fired, 0);
    return fired;
  }

  /** The rules over bodies that this request must be held for. */
  bodyRules(head: RequestHead, info: RequestInfo): Candidates {
    const candidates = this.#settings.rules.body(info, head.upgrade.trigger);
    if (candidates.length === 0 || isProxied(info)) return noRules;
    const before = Number.POSITIVE_INFINITY;
    return heldFor(
      candidates,
      attributesOf(info, () => head, before, this.#settings, undefined, 0, ''),
    );
  }

  /**
   * Judges a body, nothing of whose request was forwarded; reports what fired. Where it can't be decoded, and a rule that
   * would judge it does not let such ones pass, the code under which the request is refused.
   */
  body(
    candidates: Candidates,
    head: RequestHead,
    info: RequestInfo,
    bytes: Buffer,
  ): readonly Fired[] | JudgeRefusal {
    const content = decodeRequest(info, head, bytes);
    if (isUndecodable(content)) {
      return this.unjudged(candidates, 'undecodable', content.code, head, info, content.reason);
    }
    const before = Number.POSITIVE_INFINITY;
    const fired = judge(
      candidates,
      attributesOf(info, () => head, before, this.#settings, undefined, 0, '', content),
      this.#settings,
    );
    if (fired.length > 0) this.#tell(requestFacts(info, head), fired, 0);
    return fired;
  }

  /**
   * Tells of a body that can't be judged. @returns the code, where the request is refused for it, which is then told too;
   * nothing fired where it goes on
   */
  unjudged(
    candidates: Candidates,
    why: Unjudged,
    code: JudgeRefusal,
    head: RequestHead,
    info: RequestInfo,
    reason = '',
  ): readonly Fired[] | JudgeRefusal {
    const before = Number.POSITIVE_INFINITY;
    const attributes = attributesOf(info, () => head, before, this.#settings, undefined, 0, '');
    const { refuses, excused } = judgeUnjudged(candidates, why, attributes, this.#settings);
    const { sentence } = refusalRow(code);
    const message = reason === '' ? sentence : `${sentence} (${reason})`;
    const told = { rule: code, severity: 'warning', message } as const;
    const all: Told[] = excused.map((one) => ({ ...told, ...one, action: 'log', would: 'deny' }));
    if (refuses) all.push({ ...told, shield: 'portcullis', action: 'deny' });
    else if (all.length === 0) all.push({ ...told, shield: 'portcullis', action: 'log' });
    this.#tell(requestFacts(info, head), all, 0);
    return refuses ? code : [];
  }

  /** The rules that could fire on this answer's head. */
  answerRules({ info, upgrade, status, bearer }: Judged): Candidates {
    const { rules, identity } = this.#settings;
    const authMethod = identity.method === 'certificate' ? 'certificate' : bearer ? 'bearer' : 'none';
    return rules.response(info, upgrade, status, authMethod);
  }

  /** Judges an answer of which nothing was delivered; reports what fired. */
  answer(
    exchange: Judged,
    response: ResponseHead,
    candidates: Candidates,
    events: Candidates,
  ): readonly Fired[] {
    const event = response.status === 101 ? 'switched' : 'not-switched';
    const fired = [
      ...this.#judge(candidates, exchange, response, ''),
      ...this.#judge(events, exchange, response, event),
    ];
    if (fired.length > 0) this.#tell(exchange.facts, fired, exchange.status);
    return fired;
  }

  /**
   * The upgrade machine's alarms, told in the words of the shields' rules where one is in force and fires. The connection
   * is cut, whatever is in shadow: what rules in shadow found is told besides.
   */
  alarm(event: UpgradeEvent, exchange: Judged, response: ResponseHead | undefined): void {
    const candidates = this.#settings.rules.event(exchange.info, exchange.upgrade, event);
    const fired = this.#judge(candidates, exchange, response, event);
    const builtIn = {
      shield: 'portcullis',
      rule: event,
      severity: 'critical',
      message: builtInAlarms[event] ?? event,
    } as const;
    const inForce = fired.filter(({ shadow }) => !shadow);
    const alarms = (inForce.length > 0 ? inForce : [builtIn]).map((alarm) => ({
      ...alarm,
      action: 'close-client-and-server' as const,
    }));
    this.#tell(exchange.facts, [...alarms, ...fired.filter(({ shadow }) => shadow)], exchange.status);
  }

  refusal(code: JudgeRefusal, facts: RequestFacts | undefined, status: number): void {
    const message = refusalRow(code).sentence;
    this.#tell(
      facts ?? noFacts,
      [{ shield: 'portcullis', rule: code, action: 'deny', severity: 'warning', message }],
      status,
    );
  }

  /** Told once a connection: a record for each request would let a caller fill the queue and bury the others in it. */
  spoof(head: RequestHead, info: RequestInfo): void {
    if (this.#spoofTold) return;
    this.#spoofTold = true;
    this.#tell(
      requestFacts(info, head),
      [{ shield: 'portcullis', ...stripped, action: 'log', severity: 'warning' }],
      0,
    );
  }

  #judge(
    candidates: Candidates,
    exchange: Judged,
    response: ResponseHead | undefined,
    event: UpgradeEvent | '',
  ): readonly Fired[] {
    if (candidates.length === 0) return candidates;
    const { info, injectedAt, status, bearer } = exchange;
    const head = () => exchange.head();
    return judge(
      candidates,
      attributesOf(info, head, injectedAt, this.#settings, response, status, event, undefined, bearer),
      this.#settings,
    );
  }

  #tell(facts: RequestFacts, all: readonly Told[], status: number): void {
    // An answer to what is only a repetition names the record that there is.
    this.#id ??= all.every(({ over }) => over?.verdict !== undefined) ? all[0]?.over?.verdict : undefined;
    for (const one of all) {
      if (one.over?.verdict !== undefined) {
        this.#sink.repeated?.(one.shield, one.rule);
        continue;
      }
      if (one.over) one.over.verdict = this.id;
      this.#sink.finding(
        findingOf(facts, one, this.auditId, status, this.#held, this.#settings.limits.evidenceBytes, this.id),
      );
    }
  }
}

const noRules: Candidates = [];
const noFacts: RequestFacts = requestFacts(undefined, undefined);
