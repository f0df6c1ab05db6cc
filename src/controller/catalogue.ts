// The shields in force, each with where it came from, how it is set, and what it is there for.
import { Failure } from '../base/failure.ts';
import type { ExposedServer } from '../model/api.ts';
import type { ListedShield, ShieldAnswer } from '../model/catalogue.ts';
import { looksAtRequests, type Shield } from '../model/shield.ts';
import { catalogueShield } from '../policy/catalogue-shield.ts';
import type { Core } from './core.ts';
import { buildExposure } from './exposure.ts';
import { createStanding } from './shield-standing.ts';

type Place = { readonly cluster: string; readonly name: string };

export function listShields(core: Core): ListedShield[] {
  return listed(core, core.knowledge.shields).map(({ entry }) => entry);
}

/** @throws Failure `unknown-shield` */
export function showShield(core: Core, id: string): ShieldAnswer {
  const [found] = listed(
    core,
    core.knowledge.shields.filter((shield) => shield.id === id),
  );
  if (!found) {
    throw new Failure('unknown-shield', `there is no shield '${id}'`, {
      hint: 'portcullis shields list shows them all',
    });
  }
  const { tests: _, reach: __, ...document } = found.shield;
  const exemptions = [...core.state.exemptions.values()]
    .filter((exemption) => exemption.shield === id)
    .map((exemption) => exemption.id)
    .sort();
  return { ...found.entry, shield: document, places: found.places, exemptions };
}

function listed(core: Core, shields: readonly Shield[]) {
  const standing = createStanding(core);
  const exposed = Map.groupBy(buildExposure(core).exposures, ({ advisory }) => advisory);
  const servers = core.inventory()?.servers ?? [];
  return shields.map((shield) => {
    const places = exposed.get(shield.id) ?? [];
    const isPart = ({ component }: ExposedServer) => component !== 'kube-apiserver';
    const parts = places.filter(isPart);
    const bundle = core.bundles.inForce.findLast((use) => use.shields.includes(shield.id));
    const { services } = shield.firstResponse;
    const stands: Place[] = [
      ...(services === undefined || looksAtRequests(shield) ? servers : []),
      ...(services === undefined ? [] : parts.map(({ server: name, cluster }) => ({ name, cluster }))),
    ];
    const entry: ListedShield = {
      ...catalogueShield(shield),
      ...(bundle ? { bundle: { name: bundle.name, version: bundle.version } } : {}),
      modes: modesOf(shield, stands),
      applies: {
        servers: places.length - parts.length,
        parts: parts.length,
        acts: places.filter(({ cover }) => cover === 'acts').length,
      },
    };
    return { shield, entry, places };
  });

  /** A cluster whose places are all set alike is told of as one. */
  function modesOf(shield: Shield, stands: readonly Place[]): ListedShield['modes'] {
    const { mode: otherwise } = catalogueShield(shield);
    return [...Map.groupBy(stands, ({ cluster }) => cluster)].flatMap(([cluster, own]) => {
      const set = own.flatMap(({ name }) => {
        const { mode, from } = standing.settings(name, shield);
        return mode === otherwise || from === 'tier' ? [] : [{ server: name, mode, from }];
      });
      const [first] = set;
      const alike = set.every(({ mode, from }) => mode === first?.mode && from === first.from);
      if (first && alike && set.length === own.length && own.length > 1)
        return [{ cluster, mode: first.mode, from: first.from }];
      return set.map((one) => ({ cluster, ...one }));
    });
  }
}
