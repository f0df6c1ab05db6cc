// Where the shields stand for one server, and what follows for it as a whole: block beats inspect beats lifted. A shield
// that is off stands nowhere. One in shadow blocks or steers only where its stage says so; at `observe` it rides along:
// it looks at what goes through the gate for another reason.
import { Failure } from '../base/failure.ts';
import type { Stage } from '../model/common.ts';
import type { ShieldMode } from '../model/mode.ts';
import type { Shield } from '../model/shield.ts';

export type ServerStages = {
  /** The strictest. */
  readonly stage: Stage;
  /** Shields at block and at inspect, by id. */
  readonly blocking: readonly Shield[];
  readonly inspecting: readonly Shield[];
  /** Shields in shadow that stand at observe, by id, of flaws that the server has. */
  readonly riding: readonly Shield[];
  /** Those of all of these that are in shadow. */
  readonly shadow: ReadonlySet<string>;
  /** Does the gate need to listen for this server: now, soon, or still for connections that finish? */
  readonly gate: boolean;
};

export type ModeAt = {
  readonly modeOf: (shield: Shield) => ShieldMode;
  /** Has the server the flaw? */
  readonly exposed: (shield: Shield) => boolean;
  /** `response.observe` of the policy: the gate gets ready for shadows alone. */
  readonly observe: boolean;
};
const enforceAll: ModeAt = { modeOf: () => 'enforce', exposed: () => false, observe: false };

/**
 * Stages of shields that no longer exist are forgotten, as long as they enforce nothing.
 * @throws Failure `unknown-shield` for one that should enforce: leaving it out would open what it closes
 */
export function serverStages(
  server: string,
  stages: readonly { readonly server: string; readonly shield: string; readonly stage: Stage }[],
  shields: readonly Shield[],
  { modeOf, exposed, observe }: ModeAt = enforceAll,
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
  const on = (shield: Shield) => modeOf(shield) !== 'off';
  const blocking = at('block').filter(on);
  const inspecting = at('inspect').filter((shield) => !blocking.includes(shield) && on(shield));
  const standing = new Set(own.flatMap(({ stage, shield }) => (stage === 'observe' ? [] : [shield])));
  const riding = shields
    .filter((shield) => !standing.has(shield.id) && modeOf(shield) === 'shadow' && exposed(shield))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const shadow = new Set(
    [...blocking, ...inspecting, ...riding]
      .filter((shield) => modeOf(shield) === 'shadow')
      .map(({ id }) => id),
  );
  const lifted = own.some(({ stage }) => stage === 'lifted');
  const gate = blocking.length > 0 || inspecting.length > 0 || lifted || (observe && riding.length > 0);
  const stage =
    blocking.length > 0 ? 'block' : inspecting.length > 0 ? 'inspect' : lifted ? 'lifted' : 'observe';
  return { stage, blocking, inspecting, riding, shadow, gate };
}
