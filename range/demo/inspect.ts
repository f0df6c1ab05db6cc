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
  // Incidents travel in batches: every variant's is waited for, the count is what then stands.
  const attacker = lab.range.topology.hosts.attacker.ipv4;
  const allTold = () => {
    const ports = new Set(incidentsSince(lab, decision.seq).map((one) => one.port));
    return exploits.every((one) => ports.has(one.port));
  };
  const newest = (entry: unknown) => entry === lab.entries.at(-1);
  await lab
    .entry('an incident of every variant', (entry) => newest(entry) && allTold())
    .catch(() => undefined);
  await settled(lab, () => incidentsSince(lab, decision.seq).length);
  const incidents = incidentsSince(lab, decision.seq);
  const fromOthers = incidents.filter((one) => one.from !== attacker);
  lab.note(`  ${incidents.length} incidents, all from the attacker: ${fromOthers.length === 0}`);
  const of = (attempt: ExploitResult) => incidents.filter((one) => one.port === attempt.port);
  const unseen = exploits.filter((one) => of(one).length === 0);
  const withoutEvidence = exploits.filter(
    (one) =>
      one.wellFormed &&
      !of(one).some((incident) => incident.severity === 'critical' && incident.heldLength > 0),
  );
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
      'every exploit variant is cut': exploits.every((one) => !one.succeeded),
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

/** Waits until a count has stood still for a second. */
async function settled(lab: Lab, count: () => number): Promise<void> {
  for (;;) {
    const before = count();
    const more = await lab.entry('more', () => count() > before, 1).catch(() => undefined);
    if (!more) return;
  }
}
