// Events of conntrack and refused callers of the table → session records. No I/O: the watch feeds it.
import { createHash } from 'node:crypto';
import { timestamp } from '../base/clock.ts';
import type { ProtectedService } from '../model/plan.ts';
import type { SessionRecord } from '../model/record.ts';
import { judge, type ResolvedService } from '../nft/intervals.ts';
import { createLookup } from '../policy/parties.ts';
import type { Flow, FlowEvent } from './conntrack-events.ts';
import type { DeniedElement } from './kernel-table.ts';
import type { Protected } from './protected.ts';

export type SessionRecorder = {
  /** Takes a plan into use for what comes from now on. Its table counts refused callers from nothing, unless `kept`. */
  use(resolved: Protected, kept?: boolean): void;
  event(event: FlowEvent): void;
  /** Ports of connections that have ended and wait for their counts: conntrack tells those long after, or when asked. */
  endedPorts(): readonly number[];
  /** Connections as conntrack lists them now, with their counts. */
  listed(flows: readonly Flow[], now: number): void;
  /** The refused callers as they stand in the table now. */
  denied(elements: readonly DeniedElement[], now: number): void;
};

/** Rule named for a connection that was open when a plan which refuses it came, and for what a plan before refused. */
const earlierPlan = 'portcullis/earlier-plan';
/** Rule named for attempts at a gate port. */
const gatePortRule = 'portcullis/gate-port';
/** States from which no data flows any more; conntrack keeps the entry for a while longer. */
const over = new Set(['TIME_WAIT', 'CLOSE', 'LAST_ACK']);
/** Connections that are remembered from their beginning. Others are recorded by what is known at their end. */
const maxOpen = 100_000;

type Opened = {
  readonly at: number;
  readonly port: number;
  readonly generation: number;
  readonly rule: string;
  ended?: number;
  /** The last state that it was seen in. */
  state?: string;
  recorded?: boolean;
};

/** Why it went as it did where no rule of the plan in force decided. */
function reasonWithout({ default: otherwise }: ProtectedService, { rule, verdict }: Facts): string {
  if (rule === gatePortRule)
    return 'it went straight to the port of the gate, which takes steered callers only';
  if (rule === earlierPlan)
    return verdict === 'denied'
      ? 'a plan before this one refused it'
      : 'it was open when the plan came that ended it';
  return rule === 'default'
    ? `no rule is about it, and the default is ${otherwise}`
    : 'the rule is no longer in force';
}

/** The rule that refuses a caller; one that is let in by now was refused by a plan before. */
function refusedBy(target: ResolvedService, caller: string): Pick<Facts, 'rule' | 'action'> {
  const { verdict, rule } = judge(target, caller);
  return verdict === 'pass' ? { rule: earlierPlan } : { rule, action: verdict };
}

/** By the last state of it that conntrack told. */
function endOf(state: string): NonNullable<SessionRecord['end']> {
  if (state === 'CLOSE') return 'reset';
  return ['TIME_WAIT', 'LAST_ACK', 'CLOSE_WAIT', 'FIN_WAIT'].includes(state) ? 'closed' : 'gone';
}

type Facts = Omit<SessionRecord, 'id' | 'agent' | 'reason' | 'sample'>;

export function createSessionRecorder(agent: string, send: (record: SessionRecord) => void): SessionRecorder {
  const open = new Map<string, Opened>();
  let resolved: Protected | undefined;
  /** Made when it is first asked for: a plan may know a hundred thousand addresses. */
  let lookup: ReturnType<typeof createLookup> | undefined;
  const partyOf = (address: string): SessionRecord['from'] => {
    lookup ??= createLookup(resolved?.plan.addressTags ?? []);
    const found = lookup(address);
    if (!found) return { address, name: 'unknown', tags: [] };
    return { address, name: found.name, tags: [...found.tags], prefix: found.address };
  };
  /** Refused packets that are recorded already, by caller and endpoint. */
  let counted = new Map<string, DeniedElement>();
  let countedAt: number | undefined;

  /** Sessions met so far by rules that ask for a sample, by server and rule. */
  const sampled = new Map<string, number>();

  /** `what` tells sessions apart that have everything else in common. */
  function emit({ service }: Pick<ResolvedService, 'service'>, facts: Facts, what: string): void {
    const rule = service.rules.find(({ id }) => id === facts.rule);
    if (rule?.log === false) return;
    const key = `${service.id} ${facts.rule}`;
    const met = sampled.get(key) ?? 0;
    if (rule?.sample) sampled.set(key, met + 1);
    if (rule?.sample && met % rule.sample !== 0) return;
    const { tags } = partyOf(facts.to.address);
    const text = [agent, facts.from.address, facts.to.address, facts.to.port, facts.startedAt, what].join(
      ' ',
    );
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
    send({
      id: `${Date.parse(facts.endedAt).toString(36).padStart(9, '0')}-${digest}`,
      agent,
      ...facts,
      reason: (rule?.because ?? reasonWithout(service, facts)).slice(0, 2_048),
      to: tags.length > 0 ? { ...facts.to, tags } : facts.to,
      ...(rule?.sample ? { sample: rule.sample } : {}),
    });
  }

  function record(flow: Flow, at: number, plan: Protected, target: ResolvedService): void {
    const { service } = target;
    const began = open.get(flow.id);
    if (began?.recorded) return;
    if (began) began.recorded = true;
    const judged = judge(target, flow.source);
    const allowed = judged.verdict === 'pass' || judged.verdict === 'steer';
    const throughGate = flow.serverPort !== flow.port && flow.serverPort === service.gatePort;
    const end = began?.ended ?? at;
    const facts: Facts = {
      server: service.server,
      generation: began?.generation ?? plan.plan.generation,
      verdict: throughGate ? 'steered' : 'accepted',
      rule: began?.rule ?? (allowed ? judged.rule : earlierPlan),
      ...(throughGate ? { action: 'steer' } : allowed ? { action: 'pass' } : {}),
      from: { ...partyOf(flow.source), port: flow.sourcePort },
      to: { address: flow.destination, port: flow.port },
      startedAt: timestamp(Math.min(end, began?.at ?? at - flow.seconds * 1000)),
      endedAt: timestamp(end),
      end: endOf(began?.state ?? flow.state),
      attempts: 1,
      bytesOut: flow.bytesOut,
      bytesIn: flow.bytesIn,
      packetsOut: flow.packetsOut,
      packetsIn: flow.packetsIn,
    };
    emit(target, facts, `${flow.id} ${flow.sourcePort}`);
  }

  return {
    use(next, kept = false) {
      resolved = next;
      lookup = undefined;
      if (kept) return;
      counted = new Map();
      countedAt = undefined;
    },
    event(event) {
      if (!resolved || resolved.localAddresses.has(event.source)) return;
      const target = resolved.at(event.destination, event.port);
      if (!target) {
        open.delete(event.id);
        return;
      }
      if (event.kind === 'destroy') {
        record(event, event.at, resolved, target);
        open.delete(event.id);
        return;
      }
      if (event.kind === 'new') {
        if (open.size >= maxOpen) open.delete(open.keys().next().value ?? '');
        const { rule } = judge(target, event.source);
        open.set(event.id, { at: event.at, port: event.port, generation: resolved.plan.generation, rule });
        return;
      }
      const began = open.get(event.id);
      if (!began) return;
      began.state = event.state;
      if (over.has(event.state)) began.ended ??= event.at;
    },
    endedPorts() {
      const waiting = [...open.values()].filter(({ ended, recorded }) => ended !== undefined && !recorded);
      return [...new Set(waiting.map(({ port }) => port))];
    },
    listed(flows, now) {
      for (const flow of flows) {
        if (open.get(flow.id)?.ended === undefined) continue;
        const target = resolved?.at(flow.destination, flow.port);
        if (resolved && target) record(flow, now, resolved, target);
      }
    },
    denied(elements, now) {
      if (!resolved) return;
      const plan = resolved;
      const since = countedAt ?? now;
      const next = new Map<string, DeniedElement>();
      for (const element of elements) {
        const key = `${element.caller} ${element.address} ${element.port}`;
        next.set(key, element);
        const before = counted.get(key);
        // Fewer than before: the element timed out and came again.
        const known = before && before.packets <= element.packets ? before : { packets: 0, bytes: 0 };
        const attempts = element.packets - known.packets;
        if (attempts <= 0) continue;
        const target = plan.at(element.address, element.port);
        const service = target?.service ?? plan.behindGate(element.port)[0]?.service;
        if (!service) continue;
        const facts: Facts = {
          server: service.server,
          generation: plan.plan.generation,
          verdict: 'denied',
          ...(target ? refusedBy(target, element.caller) : { rule: gatePortRule, action: 'deny' as const }),
          from: partyOf(element.caller),
          to: { address: element.address, port: element.port },
          startedAt: timestamp(since),
          endedAt: timestamp(now),
          attempts,
          bytesOut: element.bytes - known.bytes,
          bytesIn: 0,
          packetsOut: attempts,
          packetsIn: 0,
        };
        emit({ service }, facts, 'denied');
      }
      counted = next;
      countedAt = now;
    },
  };
}
