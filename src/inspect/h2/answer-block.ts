// Header blocks of answers: read for what the judge must know of them.
import type { Field } from '../../http/h2/field.ts';
import { HpackDecoder, type ListLimits } from '../../http/h2/hpack-decoder.ts';
import { readResponseFields, trailerProblem } from '../../http/h2/message.ts';
import type { RefusalCode } from '../../http/refusals.ts';

export type AnswerBlock = {
  readonly fields: readonly Field[];
  /** 0 for trailers. */
  readonly status: number;
  /** Content-Length; -1 where there is none, 0 where there can be no content. */
  readonly length: number;
  /** Where the regular fields begin. */
  readonly regular: number;
  readonly refusal: RefusalCode | undefined;
};

const keptBytes = 256;
const keptBlocks = 16;

export class AnswerReader {
  readonly #limits: ListLimits;
  readonly #decoder = new HpackDecoder();
  /** Blocks that were read before, by method and bytes, while they mean the same. */
  readonly #kept = new Map<string, AnswerBlock>();
  #keptVersion = 0;

  constructor(limits: ListLimits) {
    this.#limits = limits;
  }

  /** Grows with every change of the table that the caller must see too. */
  get version(): number {
    return this.#decoder.version;
  }

  setLimit(size: number): void {
    this.#decoder.setLimit(size);
  }

  /** @param method of the request, '' for trailers. @returns undefined when the block can't be decompressed */
  read(bytes: Buffer, start: number, end: number, method: string): AnswerBlock | undefined {
    const key = end - start <= keptBytes ? `${method} ${bytes.toString('latin1', start, end)}` : undefined;
    if (key !== undefined && this.#keptVersion === this.version) {
      const known = this.#kept.get(key);
      if (known) return known;
    }
    const { version } = this;
    const fields: Field[] = [];
    const result = this.#decoder.decode(bytes, start, end, this.#limits, fields);
    if (result === 'broken') return undefined;
    const block = result === 'over' ? refused(fields, 'head-too-large') : meaning(fields, method);
    if (key !== undefined && this.version === version) {
      if (this.#keptVersion !== version || this.#kept.size >= keptBlocks) this.#kept.clear();
      this.#keptVersion = version;
      this.#kept.set(key, block);
    }
    return block;
  }
}

function meaning(fields: readonly Field[], method: string): AnswerBlock {
  if (method === '') {
    const refusal = trailerProblem(fields);
    return refusal ? refused(fields, refusal) : { fields, status: 0, length: -1, regular: 0, refusal };
  }
  const read = readResponseFields(fields, method);
  if (typeof read === 'string') return refused(fields, read);
  return { fields, ...read, refusal: undefined };
}

function refused(fields: readonly Field[], refusal: RefusalCode): AnswerBlock {
  return { fields, status: 0, length: -1, regular: 0, refusal };
}
