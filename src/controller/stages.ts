// Stages by hand, and what a person has to know who sets one.
import { Failure } from '../base/failure.ts';
import type { StageAnswer, StageRequest } from '../model/api.ts';
import type { Stage } from '../model/common.ts';
import { looksAtRequests, type Shield } from '../model/shield.ts';
import { partName } from '../policy/part-name.ts';
import { type Part, partsOf } from '../policy/parts.ts';
import type { EffectiveSettings } from '../policy/shield-settings.ts';
import { inspectionGap } from '../policy/uninspected.ts';
import type { Core } from './core.ts';
import { isByGateAlone } from './exposure-gap.ts';
import { createPartGaps } from './part-gaps.ts';
import { createStanding } from './shield-standing.ts';
import { pairKey } from './state.ts';
import { requireTwoPeople } from './two-people.ts';

/**
 * Answers the stage before.
 * @throws Failure `unknown-server`, `unknown-shield`, `bad-request`, `shield-off`, `approval-required`, or the compiler's
 */
export function setStage(core: Core, request: StageRequest, person: string): Stage {
  const { server, shield: id, stage, why, now } = request;
  const { shield } = requireStage(core, request);
  const version = core.state.servers.get(server)?.observation?.version;
  const { mode } = createStanding(core).settings(server, shield);
  if (mode === 'off' && (stage === 'block' || stage === 'inspect')) {
    throw new Failure('shield-off', `${id} is off for ${server}: at ${stage} it would do nothing`, {
      hint: `portcullis mode ${server} ${id} shadow|enforce --why "…"`,
    });
  }
  const first = requireTwoPeople(core, request, person);
  const from = core.state.stages.get(pairKey(server, id))?.stage ?? 'observe';
  core.decide([
    {
      kind: 'stage',
      actor: person,
      subject: server,
      data: {
        ...{ shield: id, from, stage, why, by: 'person' },
        ...(first === undefined ? {} : { first }),
        ...(version === undefined ? {} : { version }),
        ...(now ? { cut: true } : {}),
      },
    },
  ]);
  return from;
}

/**
 * What was set, and what keeps it from doing what its name promises.
 * @param lacks what the server lacks for callers to be inspected, as clauses
 */
export function stageAnswer(
  core: Core,
  request: StageRequest,
  from: Stage,
  lacks: readonly string[],
): StageAnswer {
  const { server, stage } = request;
  const { shield, part } = requireStage(core, request);
  const settings = createStanding(core).settings(server, shield);
  return {
    ...{ server, shield: shield.id, from, stage, mode: settings.mode, modeFrom: settings.from },
    warnings: part
      ? partWarnings(core, shield, part, stage)
      : stage === 'inspect'
        ? inspectWarnings(core, shield, server, settings, lacks)
        : [],
  };
}

function partWarnings(core: Core, shield: Shield, part: Part, stage: Stage): string[] {
  const gaps = createPartGaps(core);
  if (stage !== 'block' || !gaps.unenforced(part, shield)) return [];
  return [`it closes nothing: ${gaps.gap(part, shield)}`];
}

/** Who says `inspect` wants something refused. */
function inspectWarnings(
  core: Core,
  shield: Shield,
  name: string,
  { mode, from, unset }: EffectiveSettings,
  lacks: readonly string[],
): string[] {
  const { id, tier } = shield;
  const server = core.inventory()?.servers.find((item) => item.name === name);
  const gap = server && inspectionGap(server, mode === 'enforce' ? [id] : []);
  const onlooker =
    tier === 4
      ? [
          'it only tells: its rules refuse nothing in any mode; portcullis events --kind incident shows what they find',
        ]
      : mode === 'shadow' && !isByGateAlone(shield)
        ? [
            `it is in shadow here (${sources[from](tier)}): it looks on, and refuses nothing`,
            `portcullis mode ${name} ${id} enforce shows what it would refuse; with --yes --why "…" it acts`,
          ]
        : [];
  return [
    ...onlooker,
    ...(gap === undefined ? lacks.map((lack) => `callers may be refused: ${lack}`) : [gap]),
    ...(unset.length === 0 ? [] : [`rules are off until the policy sets ${unset.join(', ')}`]),
  ];
}

const sources: Readonly<Record<EffectiveSettings['from'], (tier: number) => string>> = {
  person: () => 'a person said so',
  policy: () => 'the policy says so',
  tier: (tier) => `as shields of tier ${tier} are until somebody says else`,
};

/**
 * A shield of rules stands at servers, one that closes services at the parts that have its flaw.
 * @throws Failure `unknown-server`, `unknown-shield`, `bad-request`
 */
function requireStage(
  core: Core,
  { server, shield: id, stage }: StageRequest,
): { readonly shield: Shield; readonly part: Part | undefined } {
  const inventory = core.inventory();
  const part = inventory && partsOf(inventory).find(({ name }) => name === server);
  if (!part) requireServer(core, server);
  const shield = core.knowledge.shields.find((one) => one.id === id);
  if (!shield) throw new Failure('unknown-shield', `there is no shield '${id}'`);
  if (!part) {
    if (looksAtRequests(shield)) return { shield, part };
    throw new Failure(
      'bad-request',
      `${id} closes services of each ${shield.component}, not of an API server`,
      {
        place: 'server',
        hint: `name the part: ${partName(shield.component, shield.firstResponse.services?.includes('webhook') ? 'CLUSTER' : 'HOST')}`,
      },
    );
  }
  if (shield.component !== part.component || !shield.firstResponse.services) {
    throw new Failure('bad-request', `${id} closes nothing of ${server}`, {
      place: 'server',
      hint: `it is about ${shield.component}`,
    });
  }
  if (stage === 'inspect') {
    throw new Failure('bad-request', `${server} has no gate: ${id} can be at observe, block or lifted`, {
      place: 'stage',
    });
  }
  return { shield, part };
}

/** @throws Failure `unknown-server` */
export function requireServer(core: Core, server: string): void {
  if (!core.inventory()?.servers.some((item) => item.name === server))
    throw new Failure('unknown-server', `there is no server '${server}' in the inventory`);
}
