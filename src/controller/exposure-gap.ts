// What stays open of a flaw though its shield stands, in a sentence.
import type { Stage } from '../model/common.ts';
import type { Shield } from '../model/shield.ts';
import type { EffectiveSettings } from '../policy/shield-settings.ts';

/** The gate's own refusals act for whoever is steered, whatever the shield's mode. */
export function isByGateAlone({ deeperDefense: { rules, byGate = [] } }: Shield): boolean {
  return byGate.length > 0 && rules.length === 0;
}

type Around = {
  /** No gate can inspect the server, and its callers pass. */
  readonly passes: boolean;
  /** No release is without the flaw. */
  readonly unfixed: boolean;
  /** At stage observe, where callers are steered for another shield. */
  readonly rides?: boolean;
};

/** For a server, at the stage and in the mode in which the shield stands there. */
export function gapOf(
  shield: Shield | undefined,
  stage: Stage,
  settings: EffectiveSettings | undefined,
  { passes, unfixed, rides = false }: Around = { passes: false, unfixed: false },
): string {
  if (!shield)
    return unfixed
      ? 'no shield is for it, and no release is without it'
      : 'no shield is for it: only the upgrade helps';
  if (settings?.mode === 'off') return 'nothing stands before it: the shield is off';
  if (stage !== 'block' && shield.tier === 4) return 'its shield only tells: the gate has nothing to cut';
  if (passes) return 'nothing stands before it: no gate can inspect this server, and its callers pass';
  const { byGate: refusals = [] } = shield.deeperDefense;
  if (stage === 'inspect' && settings?.mode === 'shadow' && !isByGateAlone(shield))
    return 'nothing stands before it: the shield is in shadow and only looks on';
  if (stage === 'inspect' && settings && settings.unset.length > 0)
    return `rules are off until the policy sets ${settings.unset.join(', ')}`;
  const byGate = refusals.length > 0 ? `the gate itself cuts it (${refusals.join(', ')}). ` : '';
  switch (rides && isByGateAlone(shield) ? 'inspect' : stage) {
    case 'observe':
    case 'lifted':
      return 'nothing stands before it';
    case 'block':
      return "the cluster's own traffic and break-glass addresses still reach the server";
    case 'inspect':
      return `${byGate}${shield.residual?.trim() ?? 'none known, but for traffic that is not steered through the gate'}`;
  }
}
