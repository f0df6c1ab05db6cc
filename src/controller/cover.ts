// What a shield comes to for a flaw where it stands: people want to know that before they want to know stage and mode.

import type { Stage } from '../model/common.ts';
import type { Cover } from '../model/cover.ts';
import type { ShieldMode } from '../model/mode.ts';

type Place = {
  /** Of the shield; undefined where none is for the flaw. */
  readonly tier: number | undefined;
  readonly stage: Stage;
  readonly mode: ShieldMode;
  /** The gate's own refusals are all there is to it: they act on whoever is steered, whatever the mode. Left out: there are rules. */
  readonly byGate?: boolean;
  /** At stage observe, where callers are steered for another shield. Left out: they are not. */
  readonly rides?: boolean;
  /** What a stage promises is kept: a block closes something, an inspecting gate is there. Left out: it is. */
  readonly kept?: boolean;
};

/** In order, the first that applies. A block stands whatever the mode, unless the shield is off. */
export function coverOf({ tier, stage, mode, byGate = false, rides = false, kept = true }: Place): Cover {
  if (tier === undefined || mode === 'off') return 'none';
  if (stage === 'block' && kept) return 'acts';
  if (tier === 4) return 'alert';
  if ((stage === 'inspect' || rides) && byGate && kept) return 'acts';
  if (mode === 'shadow') return 'shadow';
  return stage === 'inspect' && kept ? 'acts' : 'waits';
}
