// portcullis tag
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wrongUsage } from './command.ts';

export const tag: Command = {
  name: 'tag',
  summary: 'set or remove declared tags of one host, group, server, cluster or site',
  usage: 'OBJECT TYPE=VALUE|TYPE-|TYPE=VALUE-…',
  details:
    'OBJECT is a kind and a name: `host/node-1`, `group/developers`. With `-` behind it a tag, or every tag of a type, is removed. It counts at once; the next `inventory apply` says again what the inventory says.',
  options: adminOptions,
  arity: [2, 64],
  async run(context) {
    const [object = '', ...changes] = context.args;
    const remove = changes.filter((text) => text.endsWith('-')).map((text) => text.slice(0, -1));
    const set = changes.filter((text) => !text.endsWith('-'));
    const bare = set.find((text) => !text.includes('='));
    if (bare !== undefined) throw wrongUsage(`'${bare}' is no tag: TYPE=VALUE sets, TYPE- removes`);
    const answer = await withAdmin(context, (admin) => admin.tag({ object, set, remove }));
    const words = [...answer.added.map((text) => `+${text}`), ...answer.removed.map((text) => `-${text}`)];
    context.print(context.json ? JSON.stringify(answer) : `${object}: ${words.join(' ') || 'no change'}`);
    return 0;
  },
};
