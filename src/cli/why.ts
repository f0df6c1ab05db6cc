// portcullis why
import { Failure } from '../base/failure.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { explanation, recordText } from './why-text.ts';

export const why: Command = {
  name: 'why',
  summary:
    'explain a refusal, an incident or a recorded request by its id: rule, shield, stage, who, what, evidence',
  usage: 'ID',
  details:
    'The id stands at the end of what the refused person was told (`verdict ID`), in incidents\n' +
    '(`portcullis events --kind incident -o json`), in access records and in `portcullis sessions -o json`; an Audit-ID will do as well.',
  options: {
    ...adminOptions,
    'access-log': {
      type: 'string',
      value: 'FILE',
      help: 'where nothing was refused or found: look for the request in these access records of a gate',
    },
  },
  arity: [1, 1],
  async run(context) {
    const id = context.args[0] ?? '';
    try {
      const answer = await withAdmin(context, (admin) => admin.why(id));
      context.print(context.json ? JSON.stringify(answer) : explanation(answer));
    } catch (error) {
      const file = context.option('access-log');
      if (file === undefined || !(error instanceof Failure) || error.code !== 'unknown-id') throw error;
      const { findAccessRecord } = await import('./find-access-record.ts');
      const record = await findAccessRecord(file, id);
      if (!record) throw error;
      context.print(
        context.json ? JSON.stringify({ id, kind: 'access-record', record }) : recordText(id, record),
      );
    }
    return 0;
  },
};
