// A request over HTTP/2 whose body is kept until the rules over it have been asked.
import type { RequestHead } from '../../http/head.ts';
import type { ByteQueue } from '../byte-queue.ts';
import type { RequestInfo } from '../request-info.ts';
import type { Candidates } from '../rules.ts';
import type { RequestBlock } from './request-block.ts';

/** Its head, and what becomes of it at the server. */
export type HeldRequest = {
  readonly info: RequestInfo;
  /** As rules read it. */
  readonly head: RequestHead;
  readonly block: RequestBlock;
  readonly audit: { readonly id: string | undefined; readonly keep: boolean };
};

export type HeldStream = HeldRequest & {
  readonly candidates: Candidates;
  /** Content so far. */
  readonly bytes: ByteQueue;
};
