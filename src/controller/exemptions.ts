// Exemptions: added and removed by people, ended by time.
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { ExemptionAnswer, ExemptionRequest } from '../model/api.ts';
import type { NewEntry } from '../model/entry.ts';
import type { Exemption } from '../model/exemption.ts';
import type { Shield } from '../model/shield.ts';
import { checkExemption } from '../policy/exemptions.ts';
import type { Core } from './core.ts';
import type { ExemptionState } from './state.ts';
import { requireTwoForExemption } from './two-people.ts';

const dayMs = 86_400_000;
/** How long an exemption may hold unless somebody says that it is meant to be long. */
const maxExemptionDays = 90;

/** @throws Failure `bad-exemption`, `unknown-shield`, `approval-required`, or the compiler's; nothing is changed then */
export function addExemption(core: Core, request: ExemptionRequest, person: string): ExemptionAnswer {
  const { exemption, long } = request;
  const { id, shield: shieldId, expires } = exemption;
  const refuse = (message: string, place: string, hint?: string) =>
    new Failure('bad-exemption', message, { place, ...(hint === undefined ? {} : { hint }) });
  const known = core.state.exemptions.get(id);
  if (known && same(known, exemption)) return shown(known);
  if (known)
    throw refuse(
      `there is another exemption '${id}'`,
      'id',
      `remove it first: portcullis exempt remove ${id}`,
    );
  const left = Date.parse(expires) - core.clock.now();
  if (left <= 0) throw refuse(`it would have expired at ${expires}`, 'expires');
  if (left > maxExemptionDays * dayMs && !long)
    throw refuse(
      `it would hold for more than ${maxExemptionDays} days`,
      'expires',
      'say --long if it has to',
    );
  checkExemption(exemption, shieldOf(core, shieldId));
  const first = requireTwoForExemption(core, exemption, person);
  core.decide([
    {
      kind: 'exemption',
      actor: person,
      subject: id,
      data: { what: 'added', exemption: exemption as never, ...(first === undefined ? {} : { first }) },
    },
  ]);
  const added = core.state.exemptions.get(id);
  if (!added) throw new TypeError('an exemption was added and is not there');
  return shown(added);
}

/** @throws Failure `unknown-exemption` */
export function removeExemption(core: Core, id: string, why: string, person: string): void {
  if (!core.state.exemptions.has(id))
    throw new Failure('unknown-exemption', `there is no exemption '${id}' in force`, {
      hint: 'portcullis exempt list',
    });
  core.decide([{ kind: 'exemption', actor: person, subject: id, data: { what: 'removed', why } }]);
}

export function listExemptions(core: Core): ExemptionAnswer[] {
  return [...core.state.exemptions.values()].sort((a, b) => (a.expires < b.expires ? -1 : 1)).map(shown);
}

/** One for each whose time is over. */
export function overExemptions(core: Core): NewEntry[] {
  const now = core.clock.now();
  return [...core.state.exemptions.values()].flatMap(({ id, expires }): NewEntry[] =>
    Date.parse(expires) > now
      ? []
      : [{ kind: 'exemption', actor: 'controller', subject: id, data: { what: 'expired', expires } }],
  );
}

function shieldOf(core: Core, id: string): Shield {
  if (id === 'portcullis')
    throw new Failure(
      'bad-exemption',
      "the gate's own refusals can't be exempted: they cut what no two readers read alike",
      { place: 'shield' },
    );
  const shield = core.knowledge.shields.find((one) => one.id === id);
  if (shield) return shield;
  throw new Failure('unknown-shield', `there is no shield '${id}'`, { place: 'shield' });
}

function same(known: ExemptionState, { ...wanted }: Exemption): boolean {
  const { author: _author, addedAt: _at, ...is } = known;
  return JSON.stringify(sorted(is)) === JSON.stringify(sorted(wanted));
}

function sorted(value: object): [string, unknown][] {
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function shown({ addedAt, ...exemption }: ExemptionState): ExemptionAnswer {
  return { ...exemption, addedAt: timestamp(addedAt) };
}
