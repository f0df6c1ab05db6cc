// Where a shield stands for a flaw of a part beside the API servers, and what stays open. It may stand in two places: at the
// part, whose services it closes, and at the API servers of the part's cluster, whose gates look at requests.

import type { Stage } from '../model/common.ts';
import type { Cover } from '../model/cover.ts';
import { looksAtRequests, type Shield } from '../model/shield.ts';
import type { Part } from '../policy/parts.ts';
import type { Core } from './core.ts';
import { coverOf } from './cover.ts';
import { createStanding } from './shield-standing.ts';
import { pairKey, workerKey } from './state.ts';

export type PartGaps = {
  /** Of what stands before the flaw the strictest that is everywhere: one server that only observes leaves it open. */
  stage(part: Part, shield: Shield): Stage;
  gap(part: Part, shield: Shield): string;
  /** The least that it comes to in any of its places. */
  cover(part: Part, shield: Shield): Cover;
  /** At block, and nothing is closed by it. */
  unenforced(part: Part, shield: Shield): boolean;
};

/** The most first. */
const covers: readonly Cover[] = ['acts', 'waits', 'shadow', 'alert', 'none'];
const order: readonly Stage[] = ['lifted', 'observe', 'inspect', 'block'];

export function createPartGaps(core: Core): PartGaps {
  const standing = createStanding(core);
  const stageAt = (name: string, { id }: Shield): Stage =>
    core.state.stages.get(pairKey(name, id))?.stage ?? 'observe';

  return {
    stage,
    gap,
    cover,
    unenforced: (part, shield) =>
      shield.firstResponse.services !== undefined &&
      stageAt(part.name, shield) === 'block' &&
      closedGap(part, shield).length > 0,
  };

  function stage(part: Part, shield: Shield): Stage {
    const places = [
      ...(shield.firstResponse.services ? [stageAt(part.name, shield)] : []),
      ...(looksAtRequests(shield) ? serversOf(part).map((name) => stageAt(name, shield)) : []),
    ];
    if (places.length === 0) return 'observe';
    return places.reduce((a, b) => (order.indexOf(a) <= order.indexOf(b) ? a : b));
  }

  function gap(part: Part, shield: Shield): string {
    const { mode } = standing.settings(part.name, shield);
    if (mode === 'off') return 'nothing stands before it: the shield is off';
    const clauses = [
      ...(shield.firstResponse.services ? closedGap(part, shield) : []),
      ...(looksAtRequests(shield) ? requestGap(part, shield) : []),
    ];
    if (clauses.length === 0) return shield.residual?.trim() ?? 'none known';
    return clauses.join('; ');
  }

  function cover(part: Part, shield: Shield): Cover {
    const { tier } = shield;
    const { mode } = standing.settings(part.name, shield);
    const places = [
      ...(shield.firstResponse.services
        ? [
            coverOf({
              tier,
              stage: stageAt(part.name, shield),
              mode,
              kept: closedGap(part, shield).length === 0,
            }),
          ]
        : []),
      ...(looksAtRequests(shield)
        ? serversOf(part).map((name) =>
            coverOf({
              tier,
              stage: stageAt(name, shield),
              mode: standing.settings(name, shield).mode,
            }),
          )
        : []),
    ];
    return (
      places.reduce<Cover | undefined>(
        (a, b) => (a === undefined || covers.indexOf(b) > covers.indexOf(a) ? b : a),
        undefined,
      ) ?? 'none'
    );
  }

  /** What is amiss with the closing; nothing where it holds. */
  function closedGap(part: Part, shield: Shield): string[] {
    if (stageAt(part.name, shield) !== 'block') return ['nothing stands before it'];
    if (part.host !== undefined && !hasAgent(part.host))
      return [`host ${part.host} has no agent: nothing is closed there`];
    if (part.host === undefined && !hasWebhook(part.cluster))
      return [`it is not known where the webhook listens: say ingressAdmission for cluster ${part.cluster}`];
    return [];
  }

  function requestGap(part: Part, shield: Shield): string[] {
    const servers = serversOf(part);
    const open = servers.filter((name) => !['block', 'inspect'].includes(stageAt(name, shield)));
    const onlooker = servers.filter(
      (name) => stageAt(name, shield) === 'inspect' && standing.settings(name, shield).mode !== 'enforce',
    );
    return [
      ...(open.length === 0 ? [] : [`nothing looks at requests to ${open.join(', ')}`]),
      ...(onlooker.length === 0 ? [] : [`the shield only looks on at ${onlooker.join(', ')}`]),
    ];
  }

  function serversOf({ cluster }: Part): string[] {
    return (core.inventory()?.servers ?? [])
      .filter((item) => item.cluster === cluster)
      .map(({ name }) => name);
  }

  function hasAgent(host: string): boolean {
    return core.state.identities.has(workerKey('agent', host));
  }

  function hasWebhook(cluster: string): boolean {
    const found = core.compileInput()?.inventory.clusters.find(({ name }) => name === cluster);
    return [...(found?.ingressAdmission ?? []), ...(found?.webhooks ?? [])].length > 0;
  }
}
