// Opens the controller's API for a command.
import { Failure } from '../base/failure.ts';
import type { Admin } from '../platform/controller-client.ts';
import { type CommandOption, type Context, dataDir, dataOption } from './command.ts';

/** Options of every command that asks the controller. */
export const adminOptions: Readonly<Record<string, CommandOption>> = {
  ...dataOption,
  identity: {
    type: 'string',
    value: 'DIR',
    help: 'folder with the identity of an admin, or of a viewer for what only reads (default DATA-DIR/controller, where the controller of this host keeps its own)',
  },
};

/** Runs `use` with the API and closes it. @throws Failure `not-enrolled`, `controller-unreachable`, or what `use` throws */
export async function withAdmin<T>(context: Context, use: (admin: Admin) => Promise<T>): Promise<T> {
  const { openAdmin } = await import('../platform/controller-client.ts');
  try {
    const admin = openAdmin(context.option('identity') ?? `${dataDir(context)}/controller`);
    try {
      return await use(admin);
    } finally {
      admin.close();
    }
  } catch (error) {
    const hint = error instanceof Failure ? hints[error.code] : undefined;
    if (!(error instanceof Failure) || hint === undefined) throw error;
    const place = error.place === undefined ? {} : { place: error.place };
    throw new Failure(error.code, error.message, { ...place, hint, cause: error });
  }
}

/** What to do, where the library that noticed can't know what the user runs. */
const hints: Readonly<Record<string, string>> = {
  'not-enrolled':
    "run it on the controller's host, as the user who runs the controller, with the same --data-dir; elsewhere `portcullis login`, then --identity",
  'wrong-role': 'an admin may: give the folder of an identity that is one with --identity',
  'controller-unreachable': 'is it running? portcullis up, or portcullis controller',
};
