// portcullis log verify
import { join } from 'node:path';
import { type Command, dataDir, dataOption } from './command.ts';

export const logVerify: Command = {
  name: 'log verify',
  summary: 'check every entry of the log, its links and its end; says which entry was tampered with',
  details:
    'Reads the file itself, whether the controller runs or not. An anchor (SEQ:HASH, as a former run printed it and you\n' +
    'kept elsewhere) also shows that nothing before it was rewritten and re-chained.',
  options: {
    ...dataOption,
    anchor: { type: 'string', value: 'SEQ:HASH', help: 'the head that a former verification printed' },
  },
  arity: [0, 0],
  async run(context) {
    const { logPath, verifyFolder } = await import('../log/folder.ts');
    const folder = join(dataDir(context), 'controller');
    const result = verifyFolder(folder, context.option('anchor'));
    if (context.json) context.print(JSON.stringify(result));
    else if (result.ok)
      context.print(
        `the log is whole: ${result.entries} entries, head ${result.head.seq}:${result.head.hash}`,
      );
    else context.print(`${logPath(folder)}: the log was changed: entry ${result.seq}: ${result.why}`);
    return result.ok ? 0 : 3;
  },
};
