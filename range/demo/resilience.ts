// Step 5: gate, controller and agent are killed, one after the other.
import { allWell, type Day, developerDay, fromDeveloper, refusedGet, seenByServer } from './developer.ts';
import type { Lab } from './lab.ts';
import {
  byVariant,
  eventually,
  exploitLine,
  fewVariants,
  heartbeatsSince,
  longestPauseMs,
  worksAgain,
} from './observe.ts';
import { agentOptions, gateOptions, killHard, startController } from './services.ts';
import { type Carried, gatePort, type Proof } from './step.ts';

export async function resilience(lab: Lab, carried: Carried): Promise<Proof> {
  // The gate dies: callers are refused, never let through.
  await killHard(carried.gate);
  await nobodyListens(lab);
  const withoutGateSince = Date.now();
  const withoutGate = await refusedGet(lab, 'developer', 'developer');
  const leaked = seenByServer(lab, withoutGateSince, fromDeveloper(lab));
  const exploitsWithoutGate = await lab.range.exploit(fewVariants);
  lab.note(
    `  gate killed: kubectl is refused after ${withoutGate.ms} ms, ${leaked.length} requests reached the server`,
  );
  carried.gate = lab.start('cp', 'gate', 'gate', ...gateOptions(lab));
  const gateBack = await worksAgain(lab);
  lab.note(`  gate back: kubectl works after ${gateBack} ms`);

  // The controller dies: agent and gate go on.
  await killHard(carried.controller);
  const withoutController = await developerDay(lab);
  const exploitsWithoutController = await lab.range.exploit(fewVariants);
  lab.note(`  controller killed: ${works(withoutController)}, ${exploitLine(exploitsWithoutController)}`);
  carried.controller = startController(lab);

  // The agent dies: the table still stands.
  await killHard(carried.agent);
  const withoutAgent = await developerDay(lab);
  const exploitsWithoutAgent = await lab.range.exploit(fewVariants);
  lab.note(`  agent killed: ${works(withoutAgent)}, ${exploitLine(exploitsWithoutAgent)}`);
  carried.agent = lab.start('cp', 'agent', 'agent', ...agentOptions);
  await settledWorkers(lab);
  const beats = heartbeatsSince(lab, carried.blockedAt ?? withoutGateSince);
  lab.note(`  cluster's own traffic since the block: ${beats.ok} heartbeats, ${beats.failed} failed`);
  return {
    summary: `gate dead: ${leaked.length} requests let through, back after ${gateBack} ms; controller dead: ${works(withoutController)}; agent dead: ${works(withoutAgent)}`,
    checks: {
      'gate dead: callers refused': withoutGate.refused,
      'gate dead: nobody let through':
        leaked.length === 0 && exploitsWithoutGate.every((one) => !one.succeeded),
      'gate back: callers work': gateBack !== null,
      'controller dead: callers work': allWell(withoutController),
      'controller dead: exploits cut': exploitsWithoutController.every((one) => !one.succeeded),
      'agent dead: callers work': allWell(withoutAgent),
      'agent dead: exploits cut': exploitsWithoutAgent.every((one) => !one.succeeded),
      'cluster goes on through all of it': beats.failed === 0 && beats.longestPauseMs < longestPauseMs,
    },
    gateKilled: {
      kubectl: withoutGate,
      reachedServer: leaked.length,
      exploits: byVariant(exploitsWithoutGate),
      msUntilBack: gateBack,
    },
    controllerKilled: { kubectl: withoutController, exploits: byVariant(exploitsWithoutController) },
    heartbeats: beats,
    agentKilled: { kubectl: withoutAgent, exploits: byVariant(exploitsWithoutAgent) },
  };
}

/** A gate's workers notice only after a moment that it is gone. */
async function nobodyListens(lab: Lab): Promise<void> {
  const gate = { server: lab.range.topology.hosts.cp.ipv4, port: gatePort, packets: [], timeoutMs: 1_000 };
  await eventually(async () => {
    const [answer] = await lab.range.request('cp', [gate]);
    return answer?.error === 'ECONNREFUSED' || undefined;
  }, "the dead gate's port to be closed");
}

const works = (day: Day): string => (allWell(day) ? 'callers work' : 'callers FAIL');

/** Waits until every agent and gate is seen again with the plan it should have. */
async function settledWorkers(lab: Lab): Promise<void> {
  await eventually(async () => {
    const status = await lab.status().catch(() => undefined);
    const workers = status?.workers ?? [];
    const settled = workers.every((worker) => worker.ok && worker.applied === worker.wanted);
    return (workers.length > 0 && settled) || undefined;
  }, 'agent and gate to report');
}
