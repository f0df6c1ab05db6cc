// How each shield is set for each server: mode, parameters, and what rides along at a gate now.
import type { ApiServer } from '../model/inventory.ts';
import type { Shield } from '../model/shield.ts';
import type { Tag } from '../model/tag.ts';
import { parsePart } from '../policy/part-name.ts';
import { partTags } from '../policy/parts.ts';
import { type EffectiveSettings, shieldSettings } from '../policy/shield-settings.ts';
import { serverTags } from '../policy/tags.ts';
import { carriedExposures } from './carried.ts';
import type { Core } from './core.ts';
import { isExposed, pairKey, workerKey } from './state.ts';

export type Standing = {
  settings(server: string, shield: Shield): EffectiveSettings;
  /** Without what a person set. */
  byDefault(server: string, shield: Shield): EffectiveSettings;
  /** In shadow at stage observe, where callers are steered for another shield: it looks on. */
  rides(server: ApiServer, shield: Shield): boolean;
};

/** Of the present state; asked for many pairs. */
export function createStanding(core: Core): Standing {
  const { state } = core;
  const policy = core.policy();
  const modes = [...state.modes.values()];
  let tags: ReadonlyMap<string, readonly Tag[]> | undefined;
  const tagsOf = (server: string): readonly Tag[] => {
    if (policy.shields.every(({ servers }) => servers === undefined)) return [];
    const inventory = core.inventory();
    const observed = [...state.servers].map(([name, item]) => [name, item.observation?.tags ?? []] as const);
    tags ??= inventory ? serverTags(inventory, new Map(observed)) : new Map();
    const own = tags.get(server);
    if (own || !inventory) return own ?? [];
    const part = parsePart(server);
    return part ? partTags(part, inventory) : [];
  };
  const settings: Standing['settings'] = (server, shield) =>
    shieldSettings(shield, { name: server, tags: tagsOf(server) }, policy, modes);
  return {
    settings,
    byDefault: (server, shield) => shieldSettings(shield, { name: server, tags: tagsOf(server) }, policy, []),
    rides(server, shield) {
      const { name, host } = server;
      const stage = state.stages.get(pairKey(name, shield.id))?.stage ?? 'observe';
      if (stage !== 'observe' || settings(name, shield).mode !== 'shadow') return false;
      const carried = carriedExposures(state, [shield]).get(server.cluster);
      const exposures = [...(state.servers.get(name)?.observation?.exposures ?? []), ...(carried ?? [])];
      if (!exposures.some(({ advisory, status }) => advisory === shield.id && isExposed(status)))
        return false;
      const listeners = state.plans.get(workerKey('gate', host))?.listeners ?? [];
      return listeners.some((one) => one.server === name && one.stage === 'inspect');
    },
  };
}
