// portcullis tags
import type { TaggedObject } from '../model/api.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { table } from './table.ts';

export const tags: Command = {
  name: 'tags',
  summary: 'every tag of a server, host, cluster, site, group or address, and where each comes from',
  usage: '[OBJECT]',
  details:
    'OBJECT is a name (`prod/cp-1`), a kind and a name (`host/node-1`), or an address. Without it: everything in the inventory.',
  options: adminOptions,
  arity: [0, 1],
  async run(context) {
    const answer = await withAdmin(context, (admin) => admin.tags(context.args[0]));
    context.print(context.json ? JSON.stringify(answer) : renderTags(answer.objects));
    if (answer.objects.length < answer.total)
      context.note(`the first ${answer.objects.length} of ${answer.total}: name one for the rest`);
    return 0;
  },
};

function renderTags(objects: readonly TaggedObject[]): string {
  const rows = objects.flatMap(({ object, tags: own }) =>
    (own.length > 0 ? own : [undefined]).map((one, index) => [
      index === 0 ? object : '',
      one?.tag ?? 'none',
      one ? (one.source === undefined ? one.kind : `${one.kind} by ${one.source}`) : '',
      one?.inherited ? one.from : '',
      one?.since ?? '',
    ]),
  );
  return table(['OBJECT', 'TAG', 'HOW', 'INHERITED FROM', 'SINCE'], rows);
}
