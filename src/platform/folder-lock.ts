// One process per data folder.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../base/failure.ts';

export type FolderLock = { release(): void };

/**
 * Takes the folder for this process until release or death: the lock is an open exclusive transaction on an empty
 * SQLite file, which is a lock in the kernel (fcntl), so nothing is left behind by kill -9.
 * @throws Failure `data-folder-in-use` when another process, or this one, holds it; `unwritable` when it can't be made
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, 'lock.db');
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    // SQLITE_BUSY is 5; its extended codes carry it in the low byte.
    if (((cause as { errcode?: number }).errcode ?? 0) % 256 === 5) {
      throw new Failure('data-folder-in-use', 'another process is using this data folder', {
        place: folder,
        hint: 'stop it, or give this one a data folder of its own',
        cause,
      });
    }
    throw new Failure('unwritable', `can't be used as a data folder: ${(cause as Error).message}`, {
      place: folder,
      cause,
    });
  }
  const held = database;
  return { release: () => held.close() };
}
