// What needs a second person: the first asks, somebody else asks for the same, and then it is done.
import { canonicalJson } from '../base/canonical-json.ts';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { sha256 } from '../log/chain.ts';
import type { StageRequest } from '../model/api.ts';
import type { Exemption } from '../model/exemption.ts';
import type { ShieldMode } from '../model/mode.ts';
import type { Core } from './core.ts';
import { stageKey } from './lifecycle-state.ts';

/** How long the second person may take. */
const patienceMs = 3_600_000;

/**
 * Who asked for it first, when somebody else asks now; undefined when the policy doesn't ask for two people.
 * @throws Failure `approval-required`, when this is the first to ask; that is in the log then
 */
export function requireTwoPeople(core: Core, request: StageRequest, person: string): string | undefined {
  const { server, shield, stage, why } = request;
  if (!core.policy().response.twoPeople?.includes(stage)) return undefined;
  const again = `portcullis stage ${server} ${shield} ${stage} --why "…"`;
  return second(core, { subject: server, shield, what: stage, data: { shield, stage, why } }, person, again);
}

/** A shield that does less is open as one that is lifted: who may not lift alone may not do this alone. */
export function requireTwoForMode(
  core: Core,
  request: { readonly server: string; readonly shield: string; readonly mode: string; readonly why: string },
  change: { readonly from: ShieldMode; readonly to: ShieldMode },
  person: string,
): string | undefined {
  const { server, shield, mode, why } = request;
  if (!opensAlone(core) || strength.indexOf(change.to) >= strength.indexOf(change.from)) return undefined;
  const what = `mode ${mode}`;
  const again = `portcullis mode ${server} ${shield} ${mode} --why "…"`;
  return second(core, { subject: server, shield, what, data: { shield, what, why } }, person, again);
}
const strength: readonly ShieldMode[] = ['off', 'shadow', 'enforce'];

/** The same exemption to the letter. */
export function requireTwoForExemption(core: Core, exemption: Exemption, person: string): string | undefined {
  if (!opensAlone(core)) return undefined;
  const { id, shield, reason } = exemption;
  const what = `exemption ${sha256(canonicalJson(exemption))}`;
  const again = `portcullis exempt add ${id} … with the same options (--until, not --for)`;
  return second(core, { subject: id, shield, what, data: { shield, what, why: reason } }, person, again);
}

/**
 * Whoever trusts a key may change every shield, and a bundle or a revocation that changes or takes out what stands may open as a
 * lift does. The controller's own fetches need no second person: two have trusted the key.
 */
export function requireTwoForBundle(
  core: Core,
  request: { readonly subject: string; readonly what: string; readonly why: string },
  person: string,
  again: string,
): string | undefined {
  if (!opensAlone(core)) return undefined;
  const { subject, what, why } = request;
  return second(
    core,
    { subject, shield: subject, what, data: { shield: subject, what, why } },
    person,
    again,
  );
}

/** Does the policy ask two people where something opens? */
export function opensAlone(core: Core): boolean {
  const { twoPeople = [] } = core.policy().response;
  return twoPeople.includes('lifted') || twoPeople.includes('observe');
}

type Asked = {
  readonly subject: string;
  readonly shield: string;
  readonly what: string;
  readonly data: Record<string, string>;
};

function second(core: Core, { subject, shield, what, data }: Asked, person: string, again: string): string {
  const now = core.clock.now();
  const asked = core.state.lifecycle.asked.get(stageKey(subject, shield, what));
  const open = asked !== undefined && now - asked.at < patienceMs;
  if (open && asked.by !== person) return asked.by;
  if (!open) core.record([{ kind: 'approval', actor: person, subject, data }]);
  const until = timestamp((open ? asked.at : now) + patienceMs);
  throw new Failure('approval-required', `${what} needs two people, and ${person} has asked for it`, {
    hint: `somebody else, until ${until}: ${again}`,
  });
}
