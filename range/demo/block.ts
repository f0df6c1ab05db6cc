// Step 3, first response: remote callers are blocked and cut in the kernel, and the cluster goes on.
import { Failure } from '../../src/base/failure.ts';
import { refusedGet } from './developer.ts';
import type { Lab } from './lab.ts';
import {
  byVariant,
  exploitLine,
  heartbeatsSince,
  isStage,
  longestPauseMs,
  receipt,
  within,
} from './observe.ts';
import type { Carried, Proof } from './step.ts';

export async function block(lab: Lab, carried: Carried): Promise<Proof> {
  const decision = await lab.entry('the stage block', isStage('block'));
  const decidedAt = Date.parse(decision.at);
  carried.blockedAt = decidedAt;
  const enforced = await receipt(lab, 'the agent to enforce the block', { after: decision.seq });
  if (!carried.hold) throw new Failure('demo-order', 'no connections are held');
  const held = await within(carried.hold.result, 'every held connection to be cut');
  const msToLastCut = held.lastCutAt === null ? null : held.lastCutAt - decidedAt;
  lab.note(
    `  decided by ${decision.actor}; ${held.cut} connections cut, the last ${msToLastCut} ms after the decision`,
  );
  const [refused, exploits, breakglass] = await Promise.all([
    refusedGet(lab, 'developer', 'developer'),
    lab.range.exploit(),
    lab.range.kubectl('breakglass', 'breakglass', ['get', 'nodes']),
  ]);
  lab.note(`  kubectl from outside, after ${refused.ms} ms: ${refused.said}`);
  lab.note(`  ${exploitLine(exploits)}`);
  const beats = heartbeatsSince(lab, decidedAt - 2000);
  lab.note(
    `  cluster's own traffic: ${beats.ok} heartbeats, ${beats.failed} failed, longest pause ${beats.longestPauseMs} ms`,
  );
  return {
    summary: `${held.cut} connections cut in ${msToLastCut} ms; ${exploitLine(exploits)}; ${beats.failed} of ${beats.ok + beats.failed} heartbeats failed`,
    checks: {
      'decided with no human': decision.actor === 'controller',
      'every held connection cut': held.alive === 0 && held.cut === held.opened,
      'kubectl refused at once': refused.refused,
      'every exploit fails': exploits.every((one) => !one.succeeded),
      'cluster goes on': beats.failed === 0 && beats.ok > 0 && beats.longestPauseMs < longestPauseMs,
      'break-glass gets in': breakglass.code === 0 && breakglass.stdout.includes('node'),
    },
    decision: { at: decision.at, by: decision.actor, data: decision.data },
    receipt: enforced.data,
    msToLastCut,
    held,
    kubectl: refused,
    exploits: byVariant(exploits),
    heartbeats: beats,
  };
}
