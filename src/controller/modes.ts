// Modes by hand: off, shadow, enforce, or back to what the policy and the tier say.
import { Failure } from '../base/failure.ts';
import type { ModeAnswer, ModeRequest } from '../model/api.ts';
import type { NewEntry } from '../model/entry.ts';
import type { Core } from './core.ts';
import { createStanding } from './shield-standing.ts';
import { pairKey } from './state.ts';
import { requireTwoForMode } from './two-people.ts';

/**
 * A shield that looked on at a gate which is ready, and is enforced now, stands at `inspect` from the same plan on:
 * nobody is blocked on the way.
 * @param ready is the server's gate ready for its callers?
 * @throws Failure `unknown-server`, `unknown-shield`, `approval-required`, or the compiler's
 */
export function setMode(
  core: Core,
  request: ModeRequest,
  person: string,
  ready: (server: string) => boolean,
): ModeAnswer {
  const { server: name, shield: id, mode, why, now } = request;
  const server = core.inventory()?.servers.find((item) => item.name === name);
  if (!server) throw new Failure('unknown-server', `there is no server '${name}' in the inventory`);
  const shield = core.knowledge.shields.find((item) => item.id === id);
  if (!shield) throw new Failure('unknown-shield', `there is no shield '${id}'`);
  const key = pairKey(name, id);
  const standing = createStanding(core);
  const before = standing.settings(name, shield);
  const to = mode === 'default' ? standing.byDefault(name, shield).mode : mode;
  const held = core.state.modes.get(key)?.mode;
  const same = mode === 'default' ? held === undefined : held === mode;
  const stage = core.state.stages.get(pairKey(name, id))?.stage ?? 'observe';
  const answer = (changed: boolean, standsAt: ModeAnswer['stage']): ModeAnswer => ({
    server: name,
    shield: id,
    from: before.mode,
    mode: to,
    changed,
    stage: standsAt,
    unset: [...before.unset],
  });
  if (same && !now) return answer(false, stage);
  const first = requireTwoForMode(core, request, { from: before.mode, to }, person);
  const entries: NewEntry[] = [
    {
      kind: 'mode',
      actor: person,
      subject: name,
      data: {
        shield: id,
        mode,
        from: before.mode,
        why,
        ...(first === undefined ? {} : { first }),
        ...(now ? { cut: true } : {}),
      },
    },
  ];
  const version = core.state.servers.get(name)?.observation?.version;
  const steps = to === 'enforce' && standing.rides(server, shield) && ready(name);
  if (steps) {
    entries.push({
      kind: 'stage',
      actor: person,
      subject: name,
      data: {
        shield: id,
        from: stage,
        stage: 'inspect',
        why,
        by: 'person',
        ...(version === undefined ? {} : { version }),
      },
    });
  }
  core.decide(entries);
  return answer(true, steps ? 'inspect' : stage);
}
