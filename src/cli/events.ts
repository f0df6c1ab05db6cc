// portcullis events
import { type Entry, EntryKind } from '../model/entry.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';
import { renderEntry } from './entry-line.ts';

export const events: Command = {
  name: 'events',
  summary: 'what happened, from the log: probes, tags, stages, plans, receipts, incidents',
  options: {
    ...adminOptions,
    follow: { type: 'boolean', short: 'f', help: 'go on as entries are added, until interrupted' },
    after: { type: 'string', value: 'SEQ', help: 'only entries after this one' },
    kind: {
      type: 'string',
      multiple: true,
      value: 'KIND',
      help: `only this kind (repeatable): ${EntryKind.options.join(', ')}`,
    },
  },
  arity: [0, 0],
  async run(context) {
    const kinds = new Set(context.list('kind'));
    for (const kind of kinds) {
      if (!EntryKind.safeParse(kind).success)
        throw wrongUsage(`there is no kind '${kind}' of entry: ${EntryKind.options.join(', ')}`);
    }
    const follow = context.flag('follow');
    let after = wholeNumber(context, 'after', 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const found: Entry[] = [];
    const show = (entry: Entry) => {
      if (!context.json) context.print(renderEntry(entry));
      else if (follow) context.print(JSON.stringify(entry));
      else found.push(entry);
    };
    await withAdmin(context, async (admin) => {
      for (;;) {
        const wanted = follow ? { after, waitSeconds: 30, signal: context.signal } : { after };
        const entries = await admin.events(wanted);
        for (const entry of entries) {
          after = entry.seq;
          if (kinds.size === 0 || kinds.has(entry.kind)) show(entry);
        }
        if (entries.length === 0 && !follow) return;
      }
    });
    if (context.json && !follow) context.print(JSON.stringify({ entries: found }));
    return 0;
  },
};
