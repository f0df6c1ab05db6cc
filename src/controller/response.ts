// What the response plan does by itself: from exposures, stages, gates and proofs to the next stage. Pure.
import type { Exposure } from '../model/advisory.ts';
import type { Severity, Stage } from '../model/common.ts';
import type { ShieldMode } from '../model/mode.ts';
import type { ResponsePlan } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { isExposed, type ServerState, type StageState } from './state.ts';

/** One shield and one server, or one part of a cluster, as seen now. */
export type Situation = {
  readonly shield: Shield;
  /** Severity of the advisory; the shield's own where the advisory isn't known. */
  readonly severity: Severity;
  readonly server: ServerState;
  readonly exposure: Exposure | undefined;
  readonly stage: StageState | undefined;
  /** What the shield does there. */
  readonly mode: ShieldMode;
  /** The agent of the server's host acknowledged the plan that is wanted now. */
  readonly agentReady: boolean;
  /** The gate of the server's host is fresh, healthy, at the wanted generation and listens for this server. */
  readonly gateReady: boolean;
  /** The gate was silent for too long, or said that it is not well. */
  readonly gateLost: boolean;
  /** Connections are all that the shield acts on here: `block` is its whole strength, and no gate is waited for. */
  readonly onlyConnections?: boolean;
};

const severities: readonly Severity[] = ['info', 'warning', 'minor', 'major', 'critical'];

/**
 * The stage to go to and why; undefined to stay. In order, the first that applies:
 *
 * 1. Exposed, enforced, severity at or above the policy's, standing at `observe` or `lifted` → `block`, when policy says so.
 *    An exposure that only the vendor could rule out counts for shields of tier 1: exact, and for the gravest flaws.
 * 2. Patched, standing at `block` or `inspect`, every condition of the shield's lift met → `lifted`, when policy says so.
 * 3. Not enforced, standing at `block` by policy → `observe`: a shield that only looks on is no reason to refuse anybody.
 * 4. Standing at `block` by policy, the agent has acknowledged and the gate is ready → `inspect`, when policy says so.
 * 5. Exposed, in shadow, standing at `observe` or `lifted`, the policy has shadows observe, the agent has acknowledged and
 *    the gate is ready → `inspect`: callers are steered, nobody was blocked.
 * 6. In shadow, standing at `inspect` by policy, and the gate is lost or the policy has changed its mind → `observe`.
 *
 * A stage that a person set stays, for the version it was set for: by rule 1 a new version is judged anew. Rule 2 also
 * ends an `inspect` that a person set, and a `block` only where that is all there is to set. A gate that dies moves no stage but by rule 6: callers of a shield
 * that is enforced stay steered to it, and are refused.
 */
export function nextStage(
  situation: Situation,
  response: ResponsePlan,
): { stage: Stage; why: string } | undefined {
  const { stage, exposure, shield, server } = situation;
  const current = stage?.stage ?? 'observe';
  const version = server.observation?.version;
  const held = stage?.by === 'person' && stage.version === version;
  const atRest = (current === 'observe' || current === 'lifted') && !held;
  const ready = situation.agentReady && situation.gateReady;

  if (exposure && atRest && mustRespond(situation, response))
    return { stage: 'block', why: `${exposure.reason}; severity ${situation.severity}` };

  if (exposure?.status === 'patched' && (current === 'block' || current === 'inspect')) {
    if (response.lift !== 'proven') return undefined;
    if (stage?.by === 'person' && current === 'block' && !situation.onlyConnections) return undefined;
    if (shield.lift.when.includes('upgrade-probe') && !provenFor(server, version)) return undefined;
    const proof = shield.lift.when.includes('upgrade-probe')
      ? `; safe probe: ${server.safeProbe?.detail}`
      : '';
    return { stage: 'lifted', why: `${exposure.reason}${proof}` };
  }

  if (current === 'block' && stage?.by === 'policy' && situation.mode !== 'enforce')
    return { stage: 'observe', why: `the shield is ${wordOf(situation.mode)}: it blocks nobody` };
  if (
    current === 'block' &&
    stage?.by === 'policy' &&
    response.next === 'inspect' &&
    ready &&
    !situation.onlyConnections
  )
    return { stage: 'inspect', why: 'the gate is healthy and every caller is steered to it' };
  return situation.mode === 'shadow' ? shadowStage(situation, response, atRest, ready) : undefined;
}

function shadowStage(
  { stage, exposure, gateLost }: Situation,
  { observe }: ResponsePlan,
  atRest: boolean,
  ready: boolean,
): { stage: Stage; why: string } | undefined {
  if (observe === 'gate' && atRest && ready && exposure && isExposed(exposure.status))
    return { stage: 'inspect', why: 'in shadow: callers are steered so that it sees what they do' };
  if (stage?.stage !== 'inspect' || stage.by !== 'policy') return undefined;
  if (observe !== 'gate') return { stage: 'observe', why: 'the policy steers nobody for a shield in shadow' };
  if (gateLost)
    return { stage: 'observe', why: 'the gate is not well, and a shadow is no reason to wait for it' };
  return undefined;
}

function wordOf(mode: ShieldMode): string {
  return mode === 'shadow' ? 'in shadow' : mode;
}

/** Is a safe probe the one thing that is missing before the shield is lifted? */
export function wantsSafeProbe(situation: Situation, response: ResponsePlan): boolean {
  const { stage, exposure, shield, server } = situation;
  return (
    response.lift === 'proven' &&
    exposure?.status === 'patched' &&
    shield.lift.when.includes('upgrade-probe') &&
    (stage?.stage === 'inspect' || (stage?.stage === 'block' && stage.by === 'policy')) &&
    !provenFor(server, server.observation?.version)
  );
}

function mustRespond({ exposure, severity, shield, mode }: Situation, response: ResponsePlan): boolean {
  if (mode !== 'enforce' || shield.tier === 4) return false;
  if (response.first !== 'block' || !exposure || !isExposed(exposure.status)) return false;
  if (severities.indexOf(severity) < severities.indexOf(response.minSeverity)) return false;
  return exposure.status === 'vulnerable' || shield.tier === 1;
}

/** A proof counts for the version it was made with. */
function provenFor(server: ServerState, version: string | undefined): boolean {
  return server.safeProbe?.result === 'proven' && server.safeProbe.version === version;
}
