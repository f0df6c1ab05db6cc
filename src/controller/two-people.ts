// Stages that need a second person: the first asks, somebody else asks for the same, and then it is done.
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { StageRequest } from '../model/api.ts';
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
  const now = core.clock.now();
  const asked = core.state.lifecycle.asked.get(stageKey(server, shield, stage));
  const open = asked !== undefined && now - asked.at < patienceMs;
  if (open && asked.by !== person) return asked.by;
  if (!open) {
    core.record([{ kind: 'approval', actor: person, subject: server, data: { shield, stage, why } }]);
  }
  const until = timestamp((open ? asked.at : now) + patienceMs);
  throw new Failure('approval-required', `${stage} needs two people, and ${person} has asked for it`, {
    hint: `somebody else, until ${until}: portcullis stage ${server} ${shield} ${stage} --why "…"`,
  });
}
