// What an id stands for: what the log holds of it, and how things stand now.
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { Sessions } from '../log/sessions.ts';
import type { WhyAnswer } from '../model/api.ts';
import type { ExplainAnswer } from '../model/explain.ts';
import { Incident, type SessionRecord } from '../model/record.ts';
import type { Core } from './core.ts';
import { listExemptions } from './exemptions.ts';
import { explainPath } from './explain.ts';
import { createStanding } from './shield-standing.ts';
import { pairKey } from './state.ts';

type Finding = Extract<WhyAnswer, { kind: 'request' }>['findings'][number];

/** Findings told of one request. */
const maxFindings = 100;

/** @throws Failure `unknown-id` */
export function explain(core: Core, sessions: Pick<Sessions, 'find'>, id: string): WhyAnswer {
  const standing = createStanding(core);
  const findings = core.log.incidents(id, maxFindings).map(({ seq, data }): Finding => {
    const incident = Incident.parse(data);
    const shield = core.knowledge.shields.find((item) => item.id === incident.shield);
    const rule = shield?.deeperDefense.rules.find((item) => item.id === incident.rule);
    const stage = core.state.stages.get(pairKey(incident.server, incident.shield));
    const exemption = listExemptions(core).find(({ id }) => id === incident.exemption);
    return {
      seq,
      incident,
      ...(shield && {
        shield: { title: shield.title, references: shield.references, ...(rule && { rule }) },
      }),
      ...(shield && { mode: standing.settings(incident.server, shield).mode }),
      ...(exemption && { exemption }),
      ...(stage && {
        now: { stage: stage.stage, since: timestamp(stage.since), by: stage.by, why: stage.why },
      }),
    };
  });
  if (findings.length > 0) return { id, kind: 'request', findings };
  const session = sessions.find(id);
  if (session) return { id, kind: 'session', session, ...nowOf(core, session) };
  throw new Failure('unknown-id', `nothing was refused or found under the id '${id}'`, {
    hint: 'ids stand in the messages of refusals, in `portcullis events --kind incident -o json` and `portcullis sessions -o json`',
  });
}

/** What its caller would meet now; nothing when its server is gone. */
function nowOf(core: Core, { from, server }: SessionRecord): { now?: ExplainAnswer } {
  try {
    return { now: explainPath(core, { from: from.address, to: server }) };
  } catch (error) {
    if (error instanceof Failure) return {};
    throw error;
  }
}
