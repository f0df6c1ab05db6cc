// Step 6: the server is patched, that is proven, and the shield lifts itself.
import { createInterface } from 'node:readline';
import { Failure } from '../../src/base/failure.ts';
import type { Entry } from '../../src/model/entry.ts';
import { allWell, developerDay, fromDeveloper, seenByServer } from './developer.ts';
import type { Lab } from './lab.ts';
import { byVariant, eventually, isStage, receipt, within, worksAgain } from './observe.ts';
import { killHard } from './services.ts';
import type { Proof } from './step.ts';

export async function patched(lab: Lab): Promise<Proof> {
  await lab.range.replaceServer('v1.12.3');
  lab.note('  the server is replaced by v1.12.3');
  if ((await worksAgain(lab)) === null)
    throw new Failure('demo-timeout', 'kubectl does not work after the replacement');
  const stream = startStream(lab);
  await stream.reach(5);
  const status = await provenPatched(lab);
  const proven = await lab.entry('the safe probe', isProof);
  const lifted = await lab.entry('the stage lifted', isStage('lifted'));
  await receipt(lab, 'the agent to stop steering', { after: lifted.seq });
  lab.note(`  safe probe: ${proven.data['result']}: ${proven.data['detail']}`);
  const atLift = stream.count();
  const since = Date.now();
  const day = await developerDay(lab);
  const direct = seenByServer(lab, since, fromDeveloper(lab));
  await stream.reach(atLift + 10);
  const undisturbed = stream.alive();
  const exploits = await lab.range.exploit();
  await stream.stop();
  lab.note(
    `  lifted by ${lifted.actor}; logs -f through the gate went on: ${undisturbed}; new callers go direct: ${direct.every((one) => one.method === 'certificate')}`,
  );
  return {
    summary: `safe probe ${String(proven.data['result'])}, lifted by the ${lifted.actor}; ${stream.count() - atLift} lines of logs -f through the gate since`,
    checks: {
      'version read': (status.servers[0]?.tags ?? []).includes('k8s-version=1.12.3'),
      'lifted with no human': lifted.actor === 'controller',
      'new callers go direct': direct.length > 0 && direct.every((one) => one.method === 'certificate'),
      'callers work': allWell(day),
      'the stream through the gate went on': undisturbed,
      'exploits fail on the patched server': exploits.every((one) => !one.succeeded),
    },
    safeProbe: proven.data,
    lifted: { at: lifted.at, by: lifted.actor, data: lifted.data },
    linesThroughGateAfterLift: stream.count() - atLift,
    seenByServer: direct,
    kubectl: day,
    exploits: byVariant(exploits),
  };
}

const isProof = ({ kind, data }: Entry) => kind === 'safe-probe' && data['result'] === 'proven';

/** Probes until that proves something: a server that has just been started, on a busy machine, may not answer in time. */
function provenPatched(lab: Lab) {
  return eventually(async () => {
    const status = await lab.portcullis<{ servers: { version?: string; tags: string[] }[] }>(
      'security',
      'probe',
    );
    const proof = await lab.entry('the safe probe', isProof, 5).catch(() => undefined);
    return proof && status;
  }, 'the safe probe to prove the patch');
}

/** A `kubectl logs -f` that goes on while the ground changes under it. */
function startStream(lab: Lab): {
  count(): number;
  reach(lines: number): Promise<void>;
  alive(): boolean;
  stop(): Promise<void>;
} {
  const child = lab.range.startKubectl('developer', 'developer', ['logs', '-f', '-n', 'lab', 'web']);
  let lines = 0;
  let ended = false;
  let wake: (() => void) | undefined;
  child.once('close', () => {
    ended = true;
    wake?.();
  });
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', () => {
      lines++;
      wake?.();
    });
  }
  return {
    count: () => lines,
    alive: () => !ended,
    async reach(wanted) {
      while (lines < wanted) {
        if (ended) throw new Failure('demo-stream', `logs -f ended after ${lines} lines`);
        await within(
          new Promise<void>((resolve) => {
            wake = resolve;
          }),
          'the next line of logs -f',
        );
      }
    },
    stop: () => killHard(child),
  };
}
