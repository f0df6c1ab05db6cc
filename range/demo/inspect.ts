// Step 4, deeper defense: callers come back through the gate with their own identity, and each exploit is cut.

import type { ExploitResult } from '../exploit.ts';
import { allWell, developerDay, fromDeveloper, seenByServer } from './developer.ts';
import type { Lab } from './lab.ts';
import { byVariant, exploitLine, incidentsSince, isStage, receipt } from './observe.ts';
import { startWorker } from './services.ts';
import type { Carried, Proof } from './step.ts';

export async function inspect(lab: Lab, carried: Carried): Promise<Proof> {
  carried.gate = await startWorker(lab, 'gate');
  const decision = await lab.entry('the stage inspect', isStage('inspect'));
  await receipt(lab, 'the agent to steer', { after: decision.seq });
  const since = Date.now();
  const certificate = await developerDay(lab, 'developer');
  const token = await developerDay(lab, 'developer-token');
  const seen = seenByServer(lab, since, fromDeveloper(lab));
  lab.note(
    `  kubectl works again; the server's audit saw ${seen.map((one) => `${one.user} (${one.method})`).join(', ')}`,
  );
  const quiet = incidentsSince(lab, decision.seq);
  const exploits = await lab.range.exploit();
  lab.note(`  ${exploitLine(exploits)}`);
  await told(lab, decision.seq, exploits);
  const attacker = lab.range.topology.hosts.attacker.ipv4;
  const of = (attempt: ExploitResult) =>
    incidentsSince(lab, decision.seq).filter((one) => one.port === attempt.port);
  const isSeen = (one: ExploitResult) => of(one).length > 0;
  const hasEvidence = (one: ExploitResult) =>
    isSeen(one) && (!one.wellFormed || of(one).some((it) => it.severity === 'critical' && it.heldLength > 0));
  // The gate listens for seconds to whom it has answered. An attacker whom the machine holds up for longer has sent nothing on
  // that could be held: he tries again.
  const late = exploits.filter((one) => !hasEvidence(one)).map(({ variant }) => variant);
  const again = late.length === 0 ? [] : await lab.range.exploit(late);
  if (again.length > 0) await told(lab, decision.seq, again);
  const attempts = (one: ExploitResult) => [one, ...again.filter(({ variant }) => variant === one.variant)];
  const unseen = exploits.filter((one) => !attempts(one).some(isSeen));
  const withoutEvidence = exploits.filter((one) => !attempts(one).some(hasEvidence));
  const incidents = incidentsSince(lab, decision.seq);
  const fromOthers = incidents.filter((one) => one.from !== attacker);
  lab.note(`  ${incidents.length} incidents, all from the attacker: ${fromOthers.length === 0}`);
  const users = new Set(seen.map((one) => one.user));
  return {
    summary: `kubectl works as ${[...users].join(', ')}; ${exploitLine(exploits)}; ${incidents.length} incidents`,
    checks: {
      'decided with no human': decision.actor === 'controller',
      'kubectl works with a certificate': allWell(certificate),
      'kubectl works with a token': allWell(token),
      "the developer's own identity reaches the audit": users.has('developer') && users.has('dev-token'),
      'no caller became somebody else': [...users].every(
        (user) => user === 'developer' || user === 'dev-token',
      ),
      'every exploit variant is cut': [...exploits, ...again].every((one) => !one.succeeded),
      'every exploit variant left an incident': unseen.length === 0,
      'with what it tried to send on, where its form was right': withoutEvidence.length === 0,
      'nothing else was cut': quiet.length === 0 && fromOthers.length === 0,
    },
    decision: { at: decision.at, by: decision.actor, data: decision.data },
    kubectl: { certificate, token },
    seenByServer: seen,
    exploits: byVariant(exploits),
    incidents: incidents.length,
    unseen: unseen.map((one) => one.variant),
    withoutEvidence: withoutEvidence.map((one) => one.variant),
    byRule: tally(incidents.map((one) => one.rule)),
    example: incidents.find((one) => one.severity === 'critical')?.entry.data,
  };
}

function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** Incidents travel in batches: one of every attempt that had a connection is waited for, and then until no more come. */
async function told(lab: Lab, seq: number, attempts: readonly ExploitResult[]): Promise<void> {
  const allTold = () => {
    const ports = new Set(incidentsSince(lab, seq).map((one) => one.port));
    return attempts.every(({ port }) => port === 0 || ports.has(port));
  };
  const newest = (entry: unknown) => entry === lab.entries.at(-1);
  await lab
    .entry('an incident of every variant', (entry) => newest(entry) && allTold())
    .catch(() => undefined);
  await settled(lab, () => incidentsSince(lab, seq).length);
}

/** Waits until a count has stood still for a second. */
async function settled(lab: Lab, count: () => number): Promise<void> {
  for (;;) {
    const before = count();
    const more = await lab.entry('more', () => count() > before, 1).catch(() => undefined);
    if (!more) return;
  }
}
