// The parts of clusters beside their API servers, as GET /v1/status tells of them.
import { timestamp } from '../base/clock.ts';
import type { PartStatus } from '../model/api.ts';
import { partsOf } from '../policy/parts.ts';
import type { Core } from './core.ts';
import { createPartGaps } from './part-gaps.ts';
import { createStanding } from './shield-standing.ts';
import { isExposed, noServerState, pairKey } from './state.ts';

/** Those of which a version is known, and those where a shield has a stage. */
export function partStatuses(core: Core): PartStatus[] {
  const inventory = core.inventory();
  if (!inventory) return [];
  const shields = new Set(core.knowledge.shields.map(({ id }) => id));
  const standing = createStanding(core);
  const gaps = createPartGaps(core);
  const severities = new Map(core.knowledge.advisories.map(({ id, severity }) => [id, severity]));
  const staged = new Map<string, Set<string>>();
  for (const { server, shield } of core.state.stages.values())
    staged.set(server, (staged.get(server) ?? new Set()).add(shield));
  return partsOf(inventory).flatMap((part): PartStatus[] => {
    const { name, component, cluster, host } = part;
    const { observation, exposedSince } = core.state.servers.get(name) ?? noServerState;
    const exposed = new Set(
      (observation?.exposures ?? [])
        .filter(({ status }) => isExposed(status))
        .map(({ advisory }) => advisory),
    );
    // A large cluster has thousands of parts, and most of them no flaw.
    if (exposed.size === 0 && !staged.has(name) && !observation) return [];
    const here = core.knowledge.shields.filter(({ id }) => exposed.has(id) || staged.get(name)?.has(id));
    const stages = here.flatMap((shield): PartStatus['stages'] => {
      const { id, tier } = shield;
      const own = core.state.stages.get(pairKey(name, id));
      const { mode, from, unset } = standing.settings(name, shield);
      const troubles = gaps.unenforced(part, shield)
        ? [`${id} closes nothing: ${gaps.gap(part, shield)}`]
        : [];
      return [
        {
          shield: id,
          tier,
          severity: severities.get(id) ?? shield.severity,
          exposed: exposed.has(id),
          stage: exposed.has(id) ? gaps.stage(part, shield) : (own?.stage ?? 'observe'),
          since: timestamp(own?.since ?? exposedSince[id] ?? core.clock.now()),
          why: [own?.why ?? 'exposed; the policy leaves the response to people', ...troubles].join('; '),
          troubles,
          mode,
          modeFrom: from,
          cover: gaps.cover(part, shield),
          unset: [...unset],
        },
      ];
    });
    if (!observation && stages.length === 0) return [];
    return [
      {
        name,
        component,
        cluster,
        ...(host === undefined ? {} : { host }),
        ...(observation ? { version: observation.version } : {}),
        ...(observation?.source ? { source: observation.source } : {}),
        unshielded: [...exposed].filter((id) => !shields.has(id)),
        stages,
      },
    ];
  });
}
