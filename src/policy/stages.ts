// Where the shields stand for one server, and what follows for it as a whole: block beats inspect beats lifted.
import { Failure } from '../base/failure.ts';
import type { Stage } from '../model/common.ts';
import type { Shield } from '../model/shield.ts';

export type ServerStages = {
  /** The strictest. */
  readonly stage: Stage;
  /** Shields at block and at inspect, by id. */
  readonly blocking: readonly Shield[];
  readonly inspecting: readonly Shield[];
  /** Does the gate need to listen for this server: now, soon, or still for connections that finish? */
  readonly gate: boolean;
};

/**
 * Stages of shields that no longer exist are forgotten, as long as they enforce nothing.
 * @throws Failure `unknown-shield` for one that should enforce: leaving it out would open what it closes
 */
export function serverStages(
  server: string,
  stages: readonly { readonly server: string; readonly shield: string; readonly stage: Stage }[],
  shields: readonly Shield[],
): ServerStages {
  const own = stages.filter((entry) => entry.server === server);
  const at = (stage: Stage): Shield[] => {
    const ids = [...new Set(own.filter((entry) => entry.stage === stage).map(({ shield }) => shield))];
    return ids.sort().map((id) => {
      const shield = shields.find((candidate) => candidate.id === id);
      if (shield) return shield;
      throw new Failure('unknown-shield', `shield '${id}' stands at ${stage} but is not among the shields`, {
        place: `server ${server}`,
        hint: 'put its file back, or lift it first',
      });
    });
  };
  const blocking = at('block');
  const inspecting = at('inspect').filter((shield) => !blocking.includes(shield));
  const lifted = own.some(({ stage }) => stage === 'lifted');
  const gate = blocking.length > 0 || inspecting.length > 0 || lifted;
  const stage =
    blocking.length > 0 ? 'block' : inspecting.length > 0 ? 'inspect' : lifted ? 'lifted' : 'observe';
  return { stage, blocking, inspecting, gate };
}
