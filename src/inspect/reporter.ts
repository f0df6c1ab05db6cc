// Asks the rules and tells the owner of the sockets what was found: everything of the judge that makes findings.
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { UpgradeEvent } from './attributes.ts';
import { stripped } from './built-in-rules.ts';
import type { ConnectionSettings, ConnectionSink, Finding } from './connection-types.ts';
import { HeldBytes } from './evidence.ts';
import { findingOf, type Judged } from './exchange.ts';
import { attributesOf } from './exchange-attributes.ts';
import type { CallerRates } from './rates.ts';
import { type JudgeRefusal, refusalRow } from './refusals.ts';
import { type RequestFacts, requestFacts } from './request-facts.ts';
import type { RequestInfo } from './request-info.ts';
import { type Candidates, type Fired, judge } from './rules.ts';
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
      attributesOf(info, () => head, before, this.#settings.identity, undefined, 0, ''),
      this.#settings,
    );
    if (fired.length > 0) this.#tell(requestFacts(info, head), fired, 0);
    return fired;
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
    const { info, injectedAt, status } = exchange;
    return judge(
      candidates,
      attributesOf(info, () => exchange.head(), injectedAt, this.#settings.identity, response, status, event),
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

const noFacts: RequestFacts = requestFacts(undefined, undefined);
