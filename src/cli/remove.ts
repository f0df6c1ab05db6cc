// portcullis remove
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { type FolderLock, lockFolder } from '../platform/folder-lock.ts';
import { type Command, dataDir, dataOption } from './command.ts';

export const remove: Command = {
  name: 'remove',
  summary: "take everything of Portcullis's out of this host's kernel: callers reach the server unshielded",
  details:
    'Refused while the agent of DATA-DIR runs, which would put the table back. Connections that go through the gate are\n' +
    'cut. The data folder stays. Removing what is not there is fine.',
  options: dataOption,
  arity: [0, 0],
  async run(context) {
    const [{ checkHost }, { removeEverything }] = await Promise.all([
      import('../agent/check-host.ts'),
      import('../agent/remove.ts'),
    ]);
    await checkHost();
    const lock = keepAgentOut(join(dataDir(context), 'agent'));
    try {
      await removeEverything();
    } finally {
      lock?.release();
    }
    context.print(
      context.json ? JSON.stringify({ ok: true }) : 'the table inet portcullis is gone from this host',
    );
    return 0;
  },
};

/** @throws Failure `agent-running` */
function keepAgentOut(folder: string): FolderLock | undefined {
  if (!existsSync(folder)) return undefined;
  try {
    return lockFolder(folder);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'data-folder-in-use') throw error;
    throw new Failure('agent-running', 'the agent is running and would put the table back', {
      place: folder,
      hint: 'stop portcullis up or portcullis agent first',
      cause: error,
    });
  }
}
