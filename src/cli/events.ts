// portcullis events
import { type Entry, EntryKind } from '../model/entry.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';
import { renderEntries, renderEntry } from './entry-line.ts';

export const events: Command = {
  name: 'events',
  summary: 'what happened, from the log: probes, tags, stages, plans, receipts, incidents',
  options: {
    ...adminOptions,
    follow: { type: 'boolean', short: 'f', help: 'go on as entries are added, until interrupted' },
    after: { type: 'string', value: 'SEQ', help: 'only entries after this one' },
    last: { type: 'string', value: 'N', help: 'only the last N, of the kinds that are asked for' },
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
    const last = wholeNumber(context, 'last', 1, 100_000);
    const found: Entry[] = [];
    const show = (entries: readonly Entry[]) => {
      if (!follow && (context.json || last !== undefined)) {
        found.push(...entries);
        if (last !== undefined && found.length > last) found.splice(0, found.length - last);
      } else if (context.json) for (const entry of entries) context.print(JSON.stringify(entry));
      else for (const line of lines(entries)) context.print(line);
    };
    const lines = kinds.size === 0 ? renderEntries : (entries: readonly Entry[]) => entries.map(renderEntry);
    await withAdmin(context, async (admin) => {
      if (last !== undefined && after === 0 && (kinds.size === 0 || follow))
        after = Math.max(0, (await admin.status()).log.entries - last);
      for (;;) {
        const wanted = follow ? { after, waitSeconds: 30, signal: context.signal } : { after };
        const entries = await admin.events(wanted);
        after = entries.at(-1)?.seq ?? after;
        show(kinds.size === 0 ? entries : entries.filter(({ kind }) => kinds.has(kind)));
        if (entries.length === 0 && !follow) return;
      }
    });
    if (context.json && !follow) context.print(JSON.stringify({ entries: found }));
    else for (const line of lines(found)) context.print(line);
    return 0;
  },
};
